/**
 * Llama (Touvron et al. 2023): RMS norms, rotary positions, grouped-query attention, gated SiLU.
 * Fields and defaults as in transformers' `LlamaConfig`.
 */
import { z } from "zod";
import type { DecoderConfig } from "../config.js";
import { defineFamily } from "./family.js";
import {
  positiveInteger,
  probability,
  specialTokens,
  spelledAs,
  withDefault,
  writeSpecialTokens,
} from "./fields.js";
import { readRotary, rotaryFields, writeRotary } from "./rotary.js";

const fields = z.object({
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
  attention_bias: withDefault(z.boolean(), false),
  mlp_bias: withDefault(z.boolean(), false),
  attention_dropout: withDefault(probability, 0),
  tie_word_embeddings: withDefault(z.boolean(), false),
  ...rotaryFields,
  ...specialTokens({ bos: 1, eos: 2 }),
});

export const llama = defineFamily({
  name: "llama",
  architectures: { language_model: "LlamaForCausalLM", scalar: "LlamaForSequenceClassification" },
  baseArchitecture: "LlamaModel",
  basePrefix: "model",
  linearLayout: "out_in",
  modules: {
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
  },
  ignoredBuffers: [/^(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq$/],
  scalesResidualProjections: false,
  zeroPaddingEmbedding: true,
  fields,
  toDecoder: (given): DecoderConfig => {
    const heads = given.num_attention_heads;
    const headDimension = given.head_dim ?? given.hidden_size / heads;
    return {
      vocabularySize: given.vocab_size,
      maxPositions: given.max_position_embeddings,
      hiddenSize: given.hidden_size,
      layers: given.num_hidden_layers,
      norm: { kind: "rms_norm", epsilon: given.rms_norm_eps },
      positions: readRotary(given, headDimension, 10_000),
      attention: {
        heads,
        keyValueHeads: given.num_key_value_heads ?? heads,
        headDimension,
        projection: "separate",
        projectionBias: given.attention_bias,
        outputBias: given.attention_bias,
        queryKeyNorm: false,
        slidingWindow: null,
      },
      mlp: {
        kind: "gated",
        activation: given.hidden_act,
        intermediateSize: given.intermediate_size,
        bias: given.mlp_bias,
      },
      parallelResidual: false,
      tiedHead: given.tie_word_embeddings,
      bosTokenId: given.bos_token_id,
      eosTokenIds: given.eos_token_id,
      padTokenId: given.pad_token_id,
      initializerRange: given.initializer_range,
      dropout: { embedding: 0, attention: given.attention_dropout, residual: 0 },
    };
  },
  write: (config) => ({
    vocab_size: config.vocabularySize,
    max_position_embeddings: config.maxPositions,
    hidden_size: config.hiddenSize,
    intermediate_size: config.mlp.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.attention.heads,
    num_key_value_heads: config.attention.keyValueHeads,
    head_dim: config.attention.headDimension,
    hidden_act: config.mlp.activation,
    rms_norm_eps: config.norm.epsilon,
    initializer_range: config.initializerRange,
    attention_bias: config.attention.projectionBias,
    mlp_bias: config.mlp.bias,
    attention_dropout: config.dropout.attention,
    tie_word_embeddings: config.tiedHead,
    use_cache: true,
    ...(config.positions.kind === "rotary"
      ? writeRotary(config.positions, config.attention.headDimension)
      : {}),
    ...writeSpecialTokens(config),
  }),
});
