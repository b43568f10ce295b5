import { dataErrorAt, type Origin } from "./origin.js";
import type { TextTokenizer } from "./text-tokenizer.js";

/** @throws {DataError} for ids outside the vocabulary and for BOS twice at the start */
export function checkIds(
  ids: Int32Array,
  origin: Origin,
  tokenizer: Pick<TextTokenizer, "bosTokenId" | "eosTokenId"> | undefined,
  vocabularySize = Number.POSITIVE_INFINITY,
): void {
  const outside = ids.findIndex((id) => id >= vocabularySize);
  if (outside !== -1) {
    throw dataErrorAt(
      origin,
      `token ${outside} has the id ${ids[outside]}, but the vocabulary ends at ${vocabularySize - 1}; use the model's own tokenizer`,
    );
  }
  // Where BOS is also the end token (GPT-2), two in a row are an empty document, not a mistake.
  const { bosTokenId, eosTokenId } = tokenizer ?? {};
  const twice = bosTokenId !== undefined && ids[0] === bosTokenId && ids[1] === bosTokenId;
  if (twice && bosTokenId !== eosTokenId) {
    throw dataErrorAt(
      origin,
      `the text starts with BOS (id ${bosTokenId}) twice; the tokenizer adds it, so drop it from the text`,
    );
  }
}
