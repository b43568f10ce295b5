/**
 * Rows of different lengths as one batch.
 *
 * Masks come from lengths and labels, never from comparing ids with the padding id: a real token may have that id.
 */
import { bucketLength } from "./bucket.js";
import { ignoredLabel } from "./records.js";

/** `B` rows, padded to `T`. */
export interface PaddedRows {
  /** B */
  readonly rows: number;
  /** T */
  readonly length: number;
  /** `[B, T]` */
  readonly inputIds: Int32Array;
  /** `[B, T]`; from 0 at the first real token of a row, 0 at padding. */
  readonly positionIds: Int32Array;
  /** `[B, T]`; 1 real, 0 padding. */
  readonly attentionMask: Int32Array;
  /** `[B]`; real tokens of each row. */
  readonly lengths: Int32Array;
}

/** How rows of unequal length become `[B, T]`. */
export interface PadOptions {
  /** Stands at padding; any id of the vocabulary, since nothing looks at it. */
  readonly padTokenId: number;
  /** T; default the longest row. */
  readonly length?: number;
  /** Rounds the longest row up, see {@link bucketLength}; not together with `length`. */
  readonly buckets?: number | readonly number[];
}

/** Pads on the right, for training and scoring. @throws {RangeError} when a row does not fit */
export function padRight(rows: readonly Int32Array[], options: PadOptions): PaddedRows {
  return pad(rows, options, () => 0);
}

/** Pads on the left, for generation: the last column holds the last token of each prompt. @throws {RangeError} */
export function padLeft(rows: readonly Int32Array[], options: PadOptions): PaddedRows {
  return pad(rows, options, (row, length) => length - row.length);
}

function pad(
  rows: readonly Int32Array[],
  { padTokenId, length: given, buckets = 1 }: PadOptions,
  offset: (row: Int32Array, length: number) => number,
): PaddedRows {
  const longest = Math.max(1, ...rows.map((row) => row.length));
  const length = given ?? bucketLength(longest, buckets);
  if (longest > length) throw new RangeError(`pad: a row of ${longest} tokens does not fit into ${length}`);
  const inputIds = new Int32Array(rows.length * length).fill(padTokenId);
  const positionIds = new Int32Array(rows.length * length);
  const attentionMask = new Int32Array(rows.length * length);
  rows.forEach((row, index) => {
    const start = index * length + offset(row, length);
    inputIds.set(row, start);
    attentionMask.fill(1, start, start + row.length);
    for (let position = 0; position < row.length; position++) positionIds[start + position] = position;
  });
  return {
    rows: rows.length,
    length,
    inputIds,
    positionIds,
    attentionMask,
    lengths: Int32Array.from(rows, (row) => row.length),
  };
}

/** A right-padded batch with labels, in two forms: for each position, and for the labelled positions alone. */
export interface Batch extends PaddedRows {
  /** `[B, T]`, not shifted; -100 where nothing is learned and at padding. */
  readonly labels: Int32Array;
  /** How many tokens are learned. */
  readonly labelTokens: number;
  /**
   * `[M]` flat positions `b * T + t` whose next token is learned, in order, then zeros. A head that projects only these
   * rows does no work for the others.
   */
  readonly targetRows: Int32Array;
  /** `[M]` the token to be predicted there; 0 in the padding of M. */
  readonly targetIds: Int32Array;
  /** `[M]` 1, and 0 in the padding of M. */
  readonly targetWeights: Float32Array;
}

/** How a batch is padded. */
export interface CollateOptions extends PadOptions {
  /** Rounds M up; default 1. */
  readonly targetBuckets?: number | readonly number[];
}

/** Makes a batch of examples. @throws {RangeError} when an example does not fit */
export function collate(
  examples: readonly { readonly inputIds: Int32Array; readonly labels: Int32Array }[],
  options: CollateOptions,
): Batch {
  const padded = padRight(
    examples.map(({ inputIds }) => inputIds),
    options,
  );
  const { length } = padded;
  const labels = new Int32Array(padded.inputIds.length).fill(ignoredLabel);
  const rows: number[] = [];
  const ids: number[] = [];
  examples.forEach((example, index) => {
    labels.set(example.labels, index * length);
    for (let position = 1; position < example.labels.length; position++) {
      const label = example.labels[position] as number;
      if (label === ignoredLabel) continue;
      rows.push(index * length + position - 1);
      ids.push(label);
    }
  });
  const targets = bucketLength(rows.length, options.targetBuckets ?? 1);
  const targetRows = new Int32Array(targets);
  const targetIds = new Int32Array(targets);
  targetRows.set(rows);
  targetIds.set(ids);
  return {
    ...padded,
    labels,
    labelTokens: rows.length,
    targetRows,
    targetIds,
    targetWeights: new Float32Array(targets).fill(1, 0, rows.length),
  };
}
