/** What turns a word into tokens. */
import { readBpe } from "./bpe.js";
import { createUnigram } from "./unigram.js";
import { createWordLevel } from "./word-level.js";
import { createWordPiece } from "./word-piece.js";

export interface TokenModel {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly unknownToken: string | undefined;
  encode(word: string): readonly number[];
  /** Where each token of `encode(word)` stands in `word`, in UTF-16 units. */
  locate(word: string): readonly TokenPlace[];
}

/** `[start, end)`; tokens of one character's bytes have the same. */
export interface TokenPlace {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

export type ModelJson = Readonly<Record<string, unknown>>;

const models: Readonly<Record<string, (json: ModelJson) => TokenModel>> = {
  BPE: readBpe,
  Unigram: createUnigram,
  WordLevel: createWordLevel,
  WordPiece: createWordPiece,
};

/** Older files name no type: those with merges are BPE. @throws {Error} when the model is not known */
export function createModel(json: ModelJson): TokenModel {
  const type = json.type ?? (json.merges === undefined ? "WordLevel" : "BPE");
  const create = models[type as string];
  if (create === undefined)
    throw new Error(`unknown model ${String(type)}; known are ${Object.keys(models).join(", ")}`);
  return create(json);
}
