/**
 * Mistral (Jiang et al. 2023): Llama with a sliding window. Fields and defaults as in transformers' `MistralConfig`.
 */
import { z } from "zod";
import { defineFamily } from "./family.js";
import { positiveInteger, specialTokens } from "./fields.js";
import { llamaLike, llamaLikeDecoder, llamaLikeFields, writeLlamaLike } from "./llama-like.js";

export const mistral = defineFamily({
  ...llamaLike,
  name: "mistral",
  architectures: { language_model: "MistralForCausalLM", scalar: "MistralForSequenceClassification" },
  baseArchitecture: "MistralModel",
  fields: z.object({
    ...llamaLikeFields,
    num_key_value_heads: positiveInteger.nullable().default(8),
    sliding_window: positiveInteger.nullable().default(4096),
    ...specialTokens({ bos: 1, eos: 2 }),
  }),
  toDecoder: (given) => llamaLikeDecoder(given, { slidingWindow: given.sliding_window }),
  write: (config) => ({ ...writeLlamaLike(config), sliding_window: config.attention.slidingWindow }),
});
