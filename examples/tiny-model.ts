/** A tiny language model with its tokenizer, for examples: nothing is downloaded. */
import { createRandom } from "@alignkit/core";
import { createModelConfig, initializeParameters, writeModelDirectory } from "@alignkit/models";
import { trainByteLevelBpe } from "@alignkit/tokenizer";

/** What `config.json` says of a model's shape: a `llama` of 2 layers of width 32. */
const tinyLlama = {
  model_type: "llama",
  max_position_embeddings: 48,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  tie_word_embeddings: true,
  initializer_range: 0.1,
  rope_theta: 100,
};

/**
 * Writes a model that knows nothing yet; its tokenizer is learned from `texts`.
 * @param shape - fields of `config.json` besides those of the vocabulary
 */
export async function writeTinyModel(
  directory: string,
  texts: readonly string[],
  shape: Readonly<Record<string, unknown>> = tinyLlama,
): Promise<void> {
  const tokenizer = trainByteLevelBpe({ texts, vocabularySize: 320 });
  const config = createModelConfig({
    ...shape,
    vocab_size: tokenizer.vocabularySize,
    bos_token_id: tokenizer.bosTokenId ?? null,
    eos_token_id: tokenizer.eosTokenId ?? null,
    pad_token_id: tokenizer.padTokenId ?? null,
  });
  const parameters = initializeParameters(config, "language_model", createRandom(0));
  const model = { config, head: "language_model", parameters, generationConfig: null } as const;
  await writeModelDirectory(directory, model, { files: tokenizer.files });
}
