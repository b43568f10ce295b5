/**
 * Qwen 3, dense (Yang et al. 2025): Llama with norms of queries and keys, and a head dimension of its own.
 * Fields and defaults as in transformers' `Qwen3Config`.
 */
import { z } from "zod";
import { defineFamily } from "./family.js";
import { positiveInteger, specialTokens, withDefault } from "./fields.js";
import {
  llamaLike,
  llamaLikeDecoder,
  llamaLikeFields,
  llamaLikeModules,
  writeLlamaLike,
} from "./llama-like.js";
import { checkSlidingLayers, slidingLayerFields, windowOf, writeSlidingLayers } from "./sliding-layers.js";

export const qwen3 = defineFamily({
  ...llamaLike,
  name: "qwen3",
  architectures: { language_model: "Qwen3ForCausalLM", scalar: "Qwen3ForSequenceClassification" },
  baseArchitecture: "Qwen3Model",
  modules: {
    ...llamaLikeModules,
    layer: { ...llamaLikeModules.layer, queryNorm: "self_attn.q_norm", keyNorm: "self_attn.k_norm" },
  },
  fields: z
    .object({
      ...llamaLikeFields,
      num_key_value_heads: positiveInteger.nullable().default(32),
      head_dim: positiveInteger.default(128),
      attention_bias: withDefault(z.boolean(), false),
      ...slidingLayerFields,
      ...specialTokens({ bos: null, eos: null }),
    })
    .superRefine(checkSlidingLayers),
  toDecoder: (given) =>
    llamaLikeDecoder(given, {
      projectionBias: given.attention_bias,
      outputBias: given.attention_bias,
      queryKeyNorm: true,
      slidingWindow: windowOf(given),
    }),
  write: (config) => ({
    ...writeLlamaLike(config),
    attention_bias: config.attention.projectionBias,
    ...writeSlidingLayers(config),
  }),
});
