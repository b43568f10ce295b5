/**
 * Qwen 2 and 2.5 (Yang et al. 2024): Llama with biases on query, key and value.
 * Fields and defaults as in transformers' `Qwen2Config`.
 */
import { z } from "zod";
import { defineFamily } from "./family.js";
import { positiveInteger, specialTokens } from "./fields.js";
import { llamaLike, llamaLikeDecoder, llamaLikeFields, writeLlamaLike } from "./llama-like.js";
import { checkSlidingLayers, slidingLayerFields, windowOf, writeSlidingLayers } from "./sliding-layers.js";

export const qwen2 = defineFamily({
  ...llamaLike,
  name: "qwen2",
  architectures: { language_model: "Qwen2ForCausalLM", scalar: "Qwen2ForSequenceClassification" },
  baseArchitecture: "Qwen2Model",
  fields: z
    .object({
      ...llamaLikeFields,
      num_key_value_heads: positiveInteger.nullable().default(32),
      ...slidingLayerFields,
      ...specialTokens({ bos: null, eos: null }),
    })
    .superRefine(checkSlidingLayers),
  toDecoder: (given) => llamaLikeDecoder(given, { projectionBias: true, slidingWindow: windowOf(given) }),
  write: (config) => ({ ...writeLlamaLike(config), ...writeSlidingLayers(config) }),
});
