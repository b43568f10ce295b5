/**
 * Learns byte-pair merges from counted words.
 *
 * Pair counts are kept up to date merge by merge, and a heap gives the most frequent pair. Entries of the heap may be
 * old: one whose count no longer holds is put back with the present one.
 * @see Sennrich et al. 2016, algorithm 1; ties as the trainer of `tokenizers`: of equal counts the smallest pair of ids
 */
import { createHeap } from "../heap.js";

export interface CountedWord {
  /** Ids of the symbols; changed in place by the merges. */
  readonly symbols: number[];
  readonly count: number;
}

export interface LearnMergesOptions {
  readonly words: readonly CountedWord[];
  /** Tokens by id, grown by the merges. */
  readonly tokens: string[];
  readonly vocabularySize: number;
  /** A pair seen less often is not merged. */
  readonly minimumFrequency: number;
}

/** Pairs of ids are one number, `left * pairStride + right`; its order is that of the pairs. */
const pairStride = 2 ** 26;

/** Returns the merges in the order in which they were learned, as pairs of tokens. */
export function learnMerges(options: LearnMergesOptions): [string, string][] {
  const { words, tokens, vocabularySize, minimumFrequency } = options;
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const counts = new Map<number, number>();
  const places = new Map<number, number[]>();
  const count = (pair: number, change: number, word: number) => {
    counts.set(pair, (counts.get(pair) ?? 0) + change);
    if (change <= 0) return;
    const found = places.get(pair);
    if (found === undefined) places.set(pair, [word]);
    else if (found[found.length - 1] !== word) found.push(word);
  };
  words.forEach(({ symbols, count: times }, word) => {
    for (let index = 0; index + 1 < symbols.length; index++) {
      count((symbols[index] as number) * pairStride + (symbols[index + 1] as number), times, word);
    }
  });

  const queue = createHeap<HeapEntry>(
    (a, b) => a.count > b.count || (a.count === b.count && a.pair < b.pair),
  );
  for (const [pair, total] of counts) if (total > 0) queue.push({ pair, count: total });
  const merges: [string, string][] = [];
  while (tokens.length < vocabularySize) {
    const entry = queue.pop();
    if (entry === undefined) break;
    const { pair } = entry;
    const present = counts.get(pair) ?? 0;
    if (present !== entry.count) {
      if (present > 0) queue.push({ pair, count: present });
      continue;
    }
    if (present < Math.max(1, minimumFrequency)) break;

    const right = pair % pairStride;
    const left = (pair - right) / pairStride;
    const merged = `${tokens[left]}${tokens[right]}`;
    const id = idOf.get(merged) ?? tokens.length;
    if (id === tokens.length) {
      tokens.push(merged);
      idOf.set(merged, id);
    }
    merges.push([tokens[left] as string, tokens[right] as string]);

    const touched = new Set<number>();
    const foundIn = places.get(pair) ?? [];
    places.delete(pair);
    for (const word of foundIn) {
      const { symbols, count: times } = words[word] as CountedWord;
      mergeWord(symbols, left, right, id, (changed, change) => {
        count(changed, change * times, word);
        if (change > 0) touched.add(changed);
      });
    }
    counts.delete(pair);
    for (const changed of touched) {
      const total = counts.get(changed) ?? 0;
      if (total > 0) queue.push({ pair: changed, count: total });
    }
  }
  return merges;
}

interface HeapEntry {
  readonly pair: number;
  readonly count: number;
}

/** Merges every `left right` in `symbols`, from the left, and reports pairs that went and came. */
function mergeWord(
  symbols: number[],
  left: number,
  right: number,
  id: number,
  report: (pair: number, change: 1 | -1) => void,
): void {
  let written = 0;
  for (let read = 0; read < symbols.length; read++) {
    if (symbols[read] !== left || symbols[read + 1] !== right) {
      symbols[written++] = symbols[read] as number;
      continue;
    }
    if (written > 0) {
      const before = symbols[written - 1] as number;
      report(before * pairStride + left, -1);
      report(before * pairStride + id, 1);
    }
    if (read + 2 < symbols.length) {
      const after = symbols[read + 2] as number;
      report(right * pairStride + after, -1);
      report(id * pairStride + after, 1);
    }
    symbols[written++] = id;
    read++;
  }
  symbols.length = written;
}
