/** Rankings as the loop takes them: windows of micro-batches with static shapes. */
import { float32, int32, type Random } from "@alignkit/core";
import {
  bucketLength,
  type Cursor,
  createOrder,
  eachRecord,
  fileOrder,
  type RankedPair,
  type RecordList,
  recordsAt,
  roundingStep,
  type TokenizedRanking,
} from "@alignkit/data";
import { type BatchSize, type LossNormalization, pairWeight } from "./pairs.js";
import { layOutRows, type ResponseRows, type Responses, type RowSettings } from "./rows.js";

/** One prompt with its responses, as ids. */
export interface RankingExample extends Pick<TokenizedRanking, "rows" | "pairs"> {
  /** By how much more the better one of a pair should score; default 0. */
  readonly margin?: number;
  /** Whose accuracy the evaluation reports by itself: who ranked, or a group of labelers. */
  readonly group?: string | undefined;
}

/** Tokens of its longest response, prompt included. */
export function longestRow({ rows }: Pick<RankingExample, "rows">): number {
  return Math.max(...rows.map((row) => row.length));
}

/** All responses of several prompts. */
export interface RankingBatch extends ResponseRows {
  /** How many; what is beyond is padding. */
  readonly responses: number;
  /** Real tokens of prompts and responses, as if each response stood in a row of its own. */
  readonly tokens: number;
  /** Untied pairs, as numbers of responses. */
  readonly pairs: readonly RankedPair[];
  /** Weight of each pair in the update's loss. */
  readonly weights: readonly number[];
  /** Margin of each pair. */
  readonly margins: readonly number[];
  /** Group of each pair's prompt. */
  readonly groups: readonly (string | undefined)[];
}

/** The rankings of one optimizer step. */
export interface Window {
  readonly batches: readonly RankingBatch[];
  /** Sum over its batches. */
  readonly tokens: number;
  readonly next: Cursor;
}

export interface BatchSettings extends RowSettings {
  /** Prompts of a batch. */
  readonly prompts: number;
  readonly normalization: LossNormalization;
  /** How many responses of a prompt stand in a row of such a batch; see `layOutRows`. */
  readonly responsesPerRow: (prompts: readonly Responses[]) => number;
}

/** @param random - orders the epochs; undefined keeps the order of the examples */
export function createWindows(
  examples: RecordList<RankingExample>,
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
      const batches = toBatches(recordsAt(examples, indices), options);
      return {
        batches,
        tokens: sum(batches.map(({ tokens }) => tokens)),
        next,
      };
    },
  };
}

/**
 * Rankings in batches of `prompts`; the weights of all of them together make one mean.
 * @param size - of what the mean is taken over, where these are part of it
 */
export function toBatches(
  examples: readonly RankingExample[],
  settings: BatchSettings,
  size = sizeOf(examples),
): RankingBatch[] {
  const { prompts } = settings;
  const batches: RankingBatch[] = [];
  for (let start = 0; start < examples.length; start += prompts) {
    batches.push(toBatch(examples.slice(start, start + prompts), size, settings));
  }
  return batches;
}

export function sizeOf(examples: RecordList<RankingExample>): BatchSize {
  let pairs = 0;
  for (const example of eachRecord(examples)) pairs += example.pairs.length;
  return { prompts: examples.length, pairs };
}

function toBatch(
  examples: readonly RankingExample[],
  size: BatchSize,
  settings: BatchSettings,
): RankingBatch {
  const { normalization, responsesPerRow } = settings;
  const rows: Int32Array[] = [];
  const pairs: RankedPair[] = [];
  const weights: number[] = [];
  const margins: number[] = [];
  const groups: (string | undefined)[] = [];
  for (const { rows: own, pairs: ownPairs, margin = 0, group } of examples) {
    const weight = pairWeight({ normalization, responses: own.length, pairs: ownPairs.length, batch: size });
    for (const { better, worse } of ownPairs) {
      pairs.push({ better: rows.length + better, worse: rows.length + worse });
      weights.push(weight);
      margins.push(margin);
      groups.push(group);
    }
    rows.push(...own);
  }
  const prompts = examples.map((example) => example.rows);
  return {
    ...layOutRows(prompts, responsesPerRow(prompts), settings),
    responses: rows.length,
    tokens: sum(rows.map((row) => row.length)),
    pairs,
    weights,
    margins,
    groups,
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
