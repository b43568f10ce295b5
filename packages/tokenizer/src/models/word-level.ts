import type { ModelJson, TokenModel } from "./model.js";

/** A word is a token or unknown. */
export function createWordLevel(json: ModelJson): TokenModel {
  const vocabulary = new Map(Object.entries(json.vocab as Readonly<Record<string, number>>));
  const unknownToken = json.unk_token as string | undefined;
  const unknown = unknownToken === undefined ? undefined : vocabulary.get(unknownToken);
  const encode = (word: string): readonly number[] => {
    const id = vocabulary.get(word) ?? unknown;
    return id === undefined ? [] : [id];
  };
  return {
    vocabulary,
    unknownToken,
    encode,
    locate: (word) => encode(word).map((id) => ({ id, start: 0, end: word.length })),
  };
}
