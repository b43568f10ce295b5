/** Rankings as the loop takes them: windows of micro-batches with static shapes. */
import { float32, int32, type Random } from "@alignkit/core";
import {
  bucketLength,
  type Cursor,
  createOrder,
  fileOrder,
  type PaddedRows,
  padRight,
  type RankedPair,
  roundingStep,
  type TokenizedRanking,
} from "@alignkit/data";
import { type BatchSize, type LossNormalization, pairWeight } from "./pairs.js";

/** One prompt with its responses, as ids. */
export interface RankingExample extends Pick<TokenizedRanking, "rows" | "pairs"> {
  /** By how much more the better one of a pair should score; default 0. */
  readonly margin?: number;
}

/** All responses of several prompts, one row each. */
export interface RankingBatch extends PaddedRows {
  /** Rows that are responses; the rest is padding. */
  readonly responses: number;
  /** Untied pairs, as numbers of rows. */
  readonly pairs: readonly RankedPair[];
  /** Weight of each pair in the update's loss. */
  readonly weights: readonly number[];
  /** Margin of each pair. */
  readonly margins: readonly number[];
}

/** The rankings of one optimizer step. */
export interface Window {
  readonly batches: readonly RankingBatch[];
  /** Real tokens of all of them. */
  readonly tokens: number;
  readonly next: Cursor;
}

export interface BatchSettings {
  readonly padTokenId: number;
  /** Prompts of a batch. */
  readonly prompts: number;
  /** See `pad_to_multiple_of`. */
  readonly multipleOf: number | null;
  /** Whether sizes are rounded up to some that recur, because each set of sizes needs a graph of its own. */
  readonly fewSizes: boolean;
  readonly normalization: LossNormalization;
}

type PadSettings = Pick<BatchSettings, "padTokenId" | "multipleOf" | "fewSizes">;

/** @param random - orders the epochs; undefined keeps the order of the examples */
export function createWindows(
  examples: readonly RankingExample[],
  options: BatchSettings & { readonly accumulation: number; readonly random: Random | undefined },
): { readonly perEpoch: number; take(cursor: Cursor): Window } {
  const { random, prompts, accumulation } = options;
  const order = createOrder({
    count: examples.length,
    batchSize: prompts * accumulation,
    permutation:
      random === undefined ? fileOrder : (count, epoch) => random.split(`epoch-${epoch}`).permutation(count),
  });
  return {
    perEpoch: order.batchesPerEpoch,
    take(cursor) {
      const { indices, next } = order.take(cursor);
      const batches = toBatches(
        indices.map((index) => examples[index] as RankingExample),
        options,
      );
      return {
        batches,
        tokens: sum(batches.flatMap(({ lengths, responses }) => [...lengths.subarray(0, responses)])),
        next,
      };
    },
  };
}

/** Rankings in batches of `prompts`; the weights of all of them together make one mean. */
export function toBatches(
  examples: readonly RankingExample[],
  { prompts, normalization, ...padding }: BatchSettings,
): RankingBatch[] {
  const size = { prompts: examples.length, pairs: sum(examples.map(({ pairs }) => pairs.length)) };
  const batches: RankingBatch[] = [];
  for (let start = 0; start < examples.length; start += prompts) {
    batches.push(toBatch(examples.slice(start, start + prompts), size, normalization, padding));
  }
  return batches;
}

function toBatch(
  examples: readonly RankingExample[],
  size: BatchSize,
  normalization: LossNormalization,
  padding: PadSettings,
): RankingBatch {
  const rows: Int32Array[] = [];
  const pairs: RankedPair[] = [];
  const weights: number[] = [];
  const margins: number[] = [];
  for (const { rows: own, pairs: ownPairs, margin = 0 } of examples) {
    const weight = pairWeight({ normalization, responses: own.length, pairs: ownPairs.length, batch: size });
    for (const { better, worse } of ownPairs) {
      pairs.push({ better: rows.length + better, worse: rows.length + worse });
      weights.push(weight);
      margins.push(margin);
    }
    rows.push(...own);
  }
  return { ...padRows(rows, padding), responses: rows.length, pairs, weights, margins };
}

/** Rows padded to one length; with `fewSizes` their number is rounded up, too. */
export function padRows(
  rows: readonly Int32Array[],
  { padTokenId, multipleOf, fewSizes }: PadSettings,
): PaddedRows {
  const longest = Math.max(1, ...rows.map((row) => row.length));
  const count = fewSizes ? bucketLength(rows.length, roundingStep(rows.length, 1)) : rows.length;
  const filler = new Array<Int32Array>(count - rows.length).fill(Int32Array.of(padTokenId));
  const length = bucketLength(longest, multipleOf ?? (fewSizes ? roundingStep(longest, 16) : 1));
  return padRight([...rows, ...filler], { padTokenId, length });
}

/** Rows as arguments of a compiled function. The score is read at the last real token, known from the length. */
export function rowTensors({ rows, length, inputIds, positionIds, lengths }: PaddedRows) {
  return {
    inputIds: int32(inputIds, [rows, length]),
    positionIds: int32(positionIds, [rows, length]),
    lastTokens: int32(
      lengths.map((real, row) => row * length + real - 1),
      [rows],
    ),
  };
}

/** Pairs as arguments of a compiled function; the padding of M has weight 0. */
export function pairTensors({ pairs, weights, margins }: RankingBatch, fewSizes: boolean) {
  const size = fewSizes ? bucketLength(pairs.length, roundingStep(pairs.length, 8)) : pairs.length;
  const places = (of: (pair: RankedPair) => number) => {
    const padded = new Int32Array(size);
    padded.set(pairs.map(of));
    return int32(padded, [size]);
  };
  const numbers = (values: readonly number[]) => {
    const padded = new Float32Array(size);
    padded.set(values);
    return float32(padded, [size]);
  };
  return {
    preferred: places(({ better }) => better),
    rejected: places(({ worse }) => worse),
    weights: numbers(weights),
    margins: numbers(margins),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
