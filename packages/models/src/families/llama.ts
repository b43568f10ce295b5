/**
 * Llama 1 to 3.3 (Touvron et al. 2023). Fields and defaults as in transformers' `LlamaConfig`.
 */
import { z } from "zod";
import { defineFamily } from "./family.js";
import { specialTokens, withDefault } from "./fields.js";
import { llamaLike, llamaLikeDecoder, llamaLikeFields, writeLlamaLike } from "./llama-like.js";

export const llama = defineFamily({
  ...llamaLike,
  name: "llama",
  architectures: { language_model: "LlamaForCausalLM", scalar: "LlamaForSequenceClassification" },
  baseArchitecture: "LlamaModel",
  fields: z.object({
    ...llamaLikeFields,
    attention_bias: withDefault(z.boolean(), false),
    mlp_bias: withDefault(z.boolean(), false),
    ...specialTokens({ bos: 1, eos: 2 }),
  }),
  toDecoder: (given) =>
    llamaLikeDecoder(given, {
      projectionBias: given.attention_bias,
      outputBias: given.attention_bias,
      mlpBias: given.mlp_bias,
    }),
  write: (config) => ({
    ...writeLlamaLike(config),
    attention_bias: config.attention.projectionBias,
    mlp_bias: config.mlp.bias,
  }),
});
