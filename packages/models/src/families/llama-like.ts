/**
 * What Llama and those that follow it have in common: RMS norms, rotary positions, grouped-query attention, gated SiLU,
 * and the names of Hugging Face's fields and parameters.
 */
import { z } from "zod";
import type { AttentionConfig, DecoderConfig } from "../config.js";
import type { FamilyModules } from "./family.js";
import { positiveInteger, probability, spelledAs, withDefault, writeSpecialTokens } from "./fields.js";
import { readRotary, rotaryFields, writeRotary } from "./rotary.js";

/** Fields besides biases, windows and special tokens, which differ. */
export const llamaLikeFields = {
  vocab_size: positiveInteger,
  max_position_embeddings: positiveInteger,
  hidden_size: positiveInteger,
  intermediate_size: positiveInteger,
  num_hidden_layers: positiveInteger,
  num_attention_heads: positiveInteger,
  num_key_value_heads: positiveInteger.nullish(),
  head_dim: positiveInteger.nullish(),
  hidden_act: spelledAs({ silu: "silu", swish: "silu" }, "silu"),
  rms_norm_eps: withDefault(z.number().positive(), 1e-6),
  initializer_range: withDefault(z.number().nonnegative(), 0.02),
  attention_dropout: withDefault(probability, 0),
  tie_word_embeddings: withDefault(z.boolean(), false),
  ...rotaryFields,
};

export const llamaLikeModules = {
  tokenEmbedding: "model.embed_tokens",
  layers: "model.layers",
  layer: {
    attentionNorm: "input_layernorm",
    query: "self_attn.q_proj",
    key: "self_attn.k_proj",
    value: "self_attn.v_proj",
    attentionOutput: "self_attn.o_proj",
    mlpNorm: "post_attention_layernorm",
    mlpGate: "mlp.gate_proj",
    mlpUp: "mlp.up_proj",
    mlpDown: "mlp.down_proj",
  },
  finalNorm: "model.norm",
  languageModelHead: "lm_head",
  scalarHead: "score",
} as const satisfies FamilyModules;

/** What a declaration has besides its name, architectures, fields and translation. */
export const llamaLike = {
  basePrefix: "model",
  linearLayout: "out_in",
  modules: llamaLikeModules,
  ignoredBuffers: [/^(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq$/],
  scalesResidualProjections: false,
  zeroPaddingEmbedding: true,
} as const;

type LlamaLikeFields = z.output<z.ZodObject<typeof llamaLikeFields>> & {
  readonly bos_token_id: number | null;
  readonly eos_token_id: readonly number[];
  readonly pad_token_id: number | null;
};

/** What differs from family to family. */
type Differences = Partial<
  Pick<AttentionConfig, "projectionBias" | "outputBias" | "queryKeyNorm" | "slidingWindow">
> & { readonly mlpBias?: boolean };

export function llamaLikeDecoder(
  given: LlamaLikeFields,
  { mlpBias = false, ...differences }: Differences,
): DecoderConfig {
  const heads = given.num_attention_heads;
  const headDimension = given.head_dim ?? given.hidden_size / heads;
  return {
    vocabularySize: given.vocab_size,
    maxPositions: given.max_position_embeddings,
    hiddenSize: given.hidden_size,
    layers: given.num_hidden_layers,
    norm: { kind: "rms_norm", epsilon: given.rms_norm_eps },
    positions: readRotary(given, headDimension, given.max_position_embeddings),
    attention: {
      heads,
      keyValueHeads: given.num_key_value_heads ?? heads,
      headDimension,
      projection: "separate",
      projectionBias: false,
      outputBias: false,
      queryKeyNorm: false,
      slidingWindow: null,
      ...differences,
    },
    mlp: {
      kind: "gated",
      activation: given.hidden_act,
      intermediateSize: given.intermediate_size,
      bias: mlpBias,
    },
    parallelResidual: false,
    tiedHead: given.tie_word_embeddings,
    bosTokenId: given.bos_token_id,
    eosTokenIds: given.eos_token_id,
    padTokenId: given.pad_token_id,
    initializerRange: given.initializer_range,
    dropout: { embedding: 0, attention: given.attention_dropout, residual: 0 },
  };
}

/** The fields that {@link llamaLikeDecoder} reads, and the special tokens. */
export function writeLlamaLike(config: DecoderConfig) {
  const { attention, positions } = config;
  return {
    vocab_size: config.vocabularySize,
    max_position_embeddings: config.maxPositions,
    hidden_size: config.hiddenSize,
    intermediate_size: config.mlp.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: attention.heads,
    num_key_value_heads: attention.keyValueHeads,
    head_dim: attention.headDimension,
    hidden_act: config.mlp.activation,
    rms_norm_eps: config.norm.epsilon,
    initializer_range: config.initializerRange,
    attention_dropout: config.dropout.attention,
    tie_word_embeddings: config.tiedHead,
    use_cache: true,
    ...(positions.kind === "rotary" ? writeRotary(positions, attention.headDimension) : {}),
    ...writeSpecialTokens(config),
  };
}
