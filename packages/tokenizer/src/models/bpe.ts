/**
 * Byte-pair merges of one word, on ids.
 *
 * Does what the model of `@huggingface/tokenizers` does, several times faster (numbers instead of strings as keys), and
 * as the Rust library where the two differ: characters without a token become bytes before the merges, not after.
 * @see Sennrich et al. 2016; the lowest rank is merged first, the leftmost among equals
 */
import { createHeap } from "../heap.js";

export interface BpeModel {
  readonly vocabulary: ReadonlyMap<string, number>;
  /** Pairs of tokens in order of rank. */
  readonly merges: readonly (readonly [string, string])[];
  readonly unknownToken?: string | undefined;
  /** Neighbouring unknown characters become one unknown token. */
  readonly fuseUnknown?: boolean;
  /** Characters without a token become their bytes, `<0xE2>` and so on. */
  readonly byteFallback?: boolean;
  /** A word that is a token is taken whole, whether or not merges reach it. */
  readonly ignoreMerges?: boolean;
}

/** Words longer than this are not remembered. */
const longestCachedWord = 256;
const cacheCapacity = 1 << 16;

/** @throws {Error} when a merge names a token that the vocabulary lacks */
export function createBpeEncoder(model: BpeModel): (word: string) => readonly number[] {
  const merge = createMerger(model);
  const cache = new Map<string, readonly number[]>();
  return (word) => {
    const known = cache.get(word);
    if (known !== undefined) return known;
    const whole = model.ignoreMerges ? model.vocabulary.get(word) : undefined;
    const ids = whole === undefined ? merge(symbolsOf(word, model)) : [whole];
    if (word.length <= longestCachedWord) {
      if (cache.size >= cacheCapacity) cache.clear();
      cache.set(word, ids);
    }
    return ids;
  };
}

/** The ids of a word's characters, before any merge. */
function symbolsOf(word: string, model: BpeModel): number[] {
  const unknown = model.unknownToken === undefined ? undefined : model.vocabulary.get(model.unknownToken);
  const symbols: number[] = [];
  let afterUnknown = false;
  for (const character of word) {
    const id = model.vocabulary.get(character);
    const ids =
      id !== undefined ? [id] : model.byteFallback ? byteIds(character, model.vocabulary) : undefined;
    if (ids !== undefined) symbols.push(...ids);
    else if (unknown !== undefined && !(afterUnknown && model.fuseUnknown)) symbols.push(unknown);
    afterUnknown = ids === undefined;
  }
  return symbols;
}

function byteIds(character: string, vocabulary: ReadonlyMap<string, number>): number[] | undefined {
  const ids: number[] = [];
  for (const byte of new TextEncoder().encode(character)) {
    const id = vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return ids;
}

function createMerger({ vocabulary, merges }: BpeModel): (symbols: number[]) => number[] {
  const stride = vocabulary.size + 1;
  const ranks = new Map<number, number>();
  const results = new Int32Array(merges.length);
  merges.forEach(([left, right], rank) => {
    const ids = [left, right, left + right].map((token) => {
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
    return symbols.filter((symbol) => symbol !== -1);
  };
}
