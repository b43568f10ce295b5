import { ConfigError } from "@alignkit/core";
import type { ModelConfig } from "./config.js";

/**
 * Refuses a tokenizer with ids that the model has no embedding for. The other way round is common: embeddings are padded
 * to round sizes.
 * @param directory - named in the error
 * @throws {ConfigError} naming both sizes
 */
export function requireKnownIds(
  { vocabularySize }: Pick<ModelConfig, "vocabularySize">,
  tokenizer: { readonly vocabularySize: number } | undefined,
  directory: string,
): void {
  if (tokenizer === undefined || tokenizer.vocabularySize <= vocabularySize) return;
  throw new ConfigError(
    `${directory}: the tokenizer has ids up to ${tokenizer.vocabularySize - 1}, but the embedding has ${vocabularySize} rows (vocab_size); use the model's own tokenizer, or one without the added tokens`,
    { details: { directory, vocabularySize, tokenizerSize: tokenizer.vocabularySize } },
  );
}
