/**
 * GPT-NeoX (Black et al. 2022) and Pythia (Biderman et al. 2023): layer norms, rotary positions on a part of each head,
 * attention and MLP side by side. Fields and defaults as in transformers' `GPTNeoXConfig`.
 */
import { z } from "zod";
import { defineFamily } from "./family.js";
import {
  activations,
  positiveInteger,
  probability,
  specialTokens,
  spelledAs,
  withDefault,
  writeSpecialTokens,
} from "./fields.js";
import { readRotary, rotaryFields, writeRotary } from "./rotary.js";

const { rope_scaling, rope_parameters } = rotaryFields;

export const gptNeox = defineFamily({
  name: "gpt_neox",
  architectures: { language_model: "GPTNeoXForCausalLM", scalar: "GPTNeoXForSequenceClassification" },
  baseArchitecture: "GPTNeoXModel",
  basePrefix: "gpt_neox",
  linearLayout: "out_in",
  modules: {
    tokenEmbedding: "gpt_neox.embed_in",
    layers: "gpt_neox.layers",
    layer: {
      attentionNorm: "input_layernorm",
      queryKeyValue: "attention.query_key_value",
      attentionOutput: "attention.dense",
      mlpNorm: "post_attention_layernorm",
      mlpUp: "mlp.dense_h_to_4h",
      mlpDown: "mlp.dense_4h_to_h",
    },
    finalNorm: "gpt_neox.final_layer_norm",
    languageModelHead: "embed_out",
    scalarHead: "score",
  },
  ignoredBuffers: [/^layers\.\d+\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)$/],
  scalesResidualProjections: false,
  zeroPaddingEmbedding: false,
  fields: z.object({
    vocab_size: positiveInteger,
    max_position_embeddings: positiveInteger,
    hidden_size: positiveInteger,
    intermediate_size: positiveInteger,
    num_hidden_layers: positiveInteger,
    num_attention_heads: positiveInteger,
    hidden_act: spelledAs(activations, "gelu"),
    layer_norm_eps: withDefault(z.number().positive(), 1e-5),
    initializer_range: withDefault(z.number().nonnegative(), 0.02),
    attention_dropout: withDefault(probability, 0),
    hidden_dropout: withDefault(probability, 0),
    tie_word_embeddings: withDefault(z.boolean(), false),
    use_parallel_residual: withDefault(z.boolean(), true),
    attention_bias: withDefault(z.boolean(), true),
    rotary_pct: withDefault(z.number().positive().max(1), 0.25),
    rotary_emb_base: withDefault(z.number().positive(), 10_000),
    rope_scaling,
    rope_parameters,
    ...specialTokens({ bos: 0, eos: 2 }),
  }),
  toDecoder: (given) => {
    const heads = given.num_attention_heads;
    const headDimension = given.hidden_size / heads;
    const rotary = { ...given, rope_theta: given.rotary_emb_base, partial_rotary_factor: given.rotary_pct };
    return {
      vocabularySize: given.vocab_size,
      maxPositions: given.max_position_embeddings,
      hiddenSize: given.hidden_size,
      layers: given.num_hidden_layers,
      norm: { kind: "layer_norm", epsilon: given.layer_norm_eps },
      positions: readRotary(rotary, headDimension, given.max_position_embeddings),
      attention: {
        heads,
        keyValueHeads: heads,
        headDimension,
        projection: "interleaved",
        projectionBias: given.attention_bias,
        outputBias: given.attention_bias,
        queryKeyNorm: false,
        slidingWindow: null,
      },
      mlp: {
        kind: "plain",
        activation: given.hidden_act,
        intermediateSize: given.intermediate_size,
        bias: true,
      },
      parallelResidual: given.use_parallel_residual,
      tiedHead: given.tie_word_embeddings,
      bosTokenId: given.bos_token_id,
      eosTokenIds: given.eos_token_id,
      padTokenId: given.pad_token_id,
      initializerRange: given.initializer_range,
      dropout: {
        embedding: given.hidden_dropout,
        attention: given.attention_dropout,
        residual: given.hidden_dropout,
      },
    };
  },
  write: (config) => ({
    vocab_size: config.vocabularySize,
    max_position_embeddings: config.maxPositions,
    hidden_size: config.hiddenSize,
    intermediate_size: config.mlp.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.attention.heads,
    hidden_act: config.mlp.activation,
    layer_norm_eps: config.norm.epsilon,
    initializer_range: config.initializerRange,
    attention_dropout: config.dropout.attention,
    hidden_dropout: config.dropout.residual,
    tie_word_embeddings: config.tiedHead,
    use_cache: true,
    use_parallel_residual: config.parallelResidual,
    attention_bias: config.attention.projectionBias,
    ...(config.positions.kind === "rotary"
      ? writeNeoxRotary(writeRotary(config.positions, config.attention.headDimension))
      : {}),
    ...writeSpecialTokens(config),
  }),
});

/** The share is a quarter unless it is given, so that all of the head must be written, too. */
function writeNeoxRotary({
  rope_theta: theta,
  partial_rotary_factor: share = 1,
  rope_parameters,
  ...scaling
}: ReturnType<typeof writeRotary>) {
  return {
    ...scaling,
    rotary_emb_base: theta,
    rotary_pct: share,
    rope_parameters: { ...rope_parameters, partial_rotary_factor: share },
  };
}
