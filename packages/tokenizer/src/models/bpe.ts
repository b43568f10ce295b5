/**
 * Byte-pair merges of one word, on ids.
 *
 * Characters without a token become bytes before the merges, as in the `tokenizers` library.
 * @see Sennrich et al. 2016; the lowest rank is merged first, the leftmost among equals
 */
import { createHeap } from "../heap.js";
import { byteTokens } from "./byte-tokens.js";
import type { ModelJson, TokenModel, TokenPlace } from "./model.js";
import { remember } from "./remember.js";

export interface BpeModel {
  readonly vocabulary: ReadonlyMap<string, number>;
  /** Pairs of tokens in order of rank. */
  readonly merges: readonly (readonly [string, string])[];
  readonly unknownToken?: string | undefined;
  /** Neighbouring unknown characters become one unknown token. */
  readonly fuseUnknown?: boolean | undefined;
  /** Characters without a token become their bytes, `<0xE2>` and so on. */
  readonly byteFallback?: boolean | undefined;
  /** A word that is a token is taken whole, whether or not merges reach it. */
  readonly ignoreMerges?: boolean | undefined;
  /** Stands before every character of a word but the first, as in WordPiece vocabularies. */
  readonly continuingPrefix?: string | undefined;
  /** Stands behind the last character of a word, such as `</w>`. */
  readonly endSuffix?: string | undefined;
}

/** @throws {Error} when a merge names a token that the vocabulary lacks */
export function createBpe(model: BpeModel): TokenModel {
  const { vocabulary, unknownToken } = model;
  const merge = createMerger(model);
  const whole = (word: string) => (model.ignoreMerges ? vocabulary.get(word) : undefined);
  return {
    vocabulary,
    unknownToken,
    encode: remember((word) => {
      const id = whole(word);
      if (id !== undefined) return [id];
      const { symbols } = symbolsOf(word, model);
      return merge(symbols).map((place) => symbols[place] as number);
    }),
    locate: remember((word): readonly TokenPlace[] => {
      const id = whole(word);
      if (id !== undefined) return [{ id, start: 0, end: word.length }];
      const { symbols, starts, ends } = symbolsOf(word, model);
      const places = merge(symbols);
      return places.map((place, index) => ({
        id: symbols[place] as number,
        start: starts[place] as number,
        end: ends[(places[index + 1] ?? symbols.length) - 1] as number,
      }));
    }),
  };
}

/** @param json - `model` of `tokenizer.json` */
export function readBpe(json: ModelJson): TokenModel {
  const merges = (json.merges ?? []) as readonly (string | readonly [string, string])[];
  return createBpe({
    vocabulary: new Map(Object.entries(json.vocab as Readonly<Record<string, number>>)),
    merges: merges.map((merge) =>
      typeof merge === "string" ? (merge.split(" ", 2) as [string, string]) : merge,
    ),
    unknownToken: (json.unk_token ?? undefined) as string | undefined,
    fuseUnknown: json.fuse_unk === true,
    byteFallback: json.byte_fallback === true,
    ignoreMerges: json.ignore_merges === true,
    continuingPrefix: (json.continuing_subword_prefix ?? undefined) as string | undefined,
    endSuffix: (json.end_of_word_suffix ?? undefined) as string | undefined,
  });
}

/** A word before any merge: ids, and the units of the word that each stands for. */
interface Symbols {
  readonly symbols: number[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** The ids of a word's characters, before any merge. */
function symbolsOf(word: string, model: BpeModel): Symbols {
  const { vocabulary, unknownToken, continuingPrefix = "", endSuffix = "" } = model;
  const unknown = unknownToken === undefined ? undefined : vocabulary.get(unknownToken);
  const symbols: number[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  let afterUnknown = false;
  let start = 0;
  for (const character of word) {
    const end = start + character.length;
    const name = (start === 0 ? "" : continuingPrefix) + character + (end === word.length ? endSuffix : "");
    const id = vocabulary.get(name);
    const bytes = id === undefined && model.byteFallback ? byteTokens(name, vocabulary) : undefined;
    const isUnknown = id === undefined && bytes === undefined;
    if (isUnknown && afterUnknown && model.fuseUnknown) {
      ends[ends.length - 1] = end;
    } else {
      for (const symbol of bytes ?? [id ?? unknown]) {
        if (symbol === undefined) continue;
        symbols.push(symbol);
        starts.push(start);
        ends.push(end);
      }
    }
    afterUnknown = isUnknown && unknown !== undefined;
    start = end;
  }
  return { symbols, starts, ends };
}

/** Merges symbols in place; what is left stands at the places that come back, in order. */
function createMerger({
  vocabulary,
  merges,
  continuingPrefix = "",
}: BpeModel): (symbols: number[]) => number[] {
  const stride = vocabulary.size + 1;
  const ranks = new Map<number, number>();
  const results = new Int32Array(merges.length);
  merges.forEach(([left, right], rank) => {
    const merged = left + right.slice(continuingPrefix.length);
    const ids = [left, right, merged].map((token) => {
      const id = vocabulary.get(token);
      if (id === undefined)
        throw new Error(`merge ${rank} ("${left}" "${right}") needs the token "${token}"`);
      return id;
    });
    ranks.set((ids[0] as number) * stride + (ids[1] as number), rank);
    results[rank] = ids[2] as number;
  });

  return (symbols) => {
    // A linked list over the symbols: a merge keeps the left place and unlinks the right one.
    const count = symbols.length;
    const next = Int32Array.from({ length: count }, (_, place) => place + 1);
    const previous = Int32Array.from({ length: count }, (_, place) => place - 1);
    const rankAt = (place: number): number | undefined => {
      const right = next[place] as number;
      return right >= count
        ? undefined
        : ranks.get((symbols[place] as number) * stride + (symbols[right] as number));
    };
    const queue = createHeap<number>((a, b) => a < b);
    const enqueue = (place: number) => {
      const rank = rankAt(place);
      if (rank !== undefined) queue.push(rank * count + place);
    };
    for (let place = 0; place < count; place++) enqueue(place);
    for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
      const place = entry % count;
      const rank = (entry - place) / count;
      if (rankAt(place) !== rank) continue; // one of the two was merged meanwhile
      const right = next[place] as number;
      const after = next[right] as number;
      symbols[place] = results[rank] as number;
      symbols[right] = -1;
      next[place] = after;
      if (after < count) previous[after] = place;
      if ((previous[place] as number) >= 0) enqueue(previous[place] as number);
      enqueue(place);
    }
    const places: number[] = [];
    for (let place = 0; place < count; place = next[place] as number) places.push(place);
    return places;
  };
}
