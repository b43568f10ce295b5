/** Examples as the loop takes them: windows of micro-batches with static shapes. */
import { float32, int32, type Random } from "@alignkit/core";
import {
  type Batch,
  bucketLength,
  type Cursor,
  collate,
  createOrder,
  ignoredLabel,
  type RecordList,
  roundingStep,
  type TokenizedExample,
} from "@alignkit/data";
import { packRows } from "./packing.js";
import { mixTexts } from "./pretraining-mix.js";

/** A row to learn from. */
export interface Example extends Pick<TokenizedExample, "inputIds" | "labels"> {
  /**
   * `[T]`, of a row that holds several texts: which one each token is of, at least 0. It sees only that one, and its
   * position counts from where that one begins.
   */
  readonly documentIds?: Int32Array;
}

/** Rows of one forward pass. */
export interface TrainingBatch extends Batch {
  /** `[B, T]`, -1 at padding; absent where each row is one text. */
  readonly documentIds?: Int32Array;
  /** Where padding can be left out of all but attention, and there is any. */
  readonly real?: {
    /** `[N]`: `b * T + t` of each real token. */
    readonly places: Int32Array;
    /** `[B, T]`: which of the N stands there; 0 at padding. */
    readonly spread: Int32Array;
  };
}

/** The examples of one optimizer step. */
export interface Window {
  /** Micro-batches, one forward pass each. */
  readonly batches: readonly TrainingBatch[];
  /** Labels of all of them, counted before they are divided into micro-batches. */
  readonly labelTokens: number;
  /** Real tokens of all of them. */
  readonly tokens: number;
  readonly next: Cursor;
}

export interface Windows {
  /** Examples of an epoch, mixed-in texts included. */
  readonly examples: number;
  readonly perEpoch: number;
  take(cursor: Cursor): Window;
}

export interface PadSettings {
  readonly padTokenId: number;
  /** Examples of a batch, each a row, unless they are packed. */
  readonly rows: number;
  /** Whether the examples of a batch share rows. */
  readonly packing: boolean;
  /** See `pad_to_multiple_of`. */
  readonly multipleOf: number | null;
  /** Whether sizes are rounded up to some that recur, because each set of sizes needs a graph of its own. */
  readonly fewSizes: boolean;
}

/** Raw text that stands among the examples; see pretraining-mix.ts. */
export interface MixedTexts {
  readonly texts: RecordList<Example>;
  readonly share: number;
}

/** Where nothing is mixed in. */
export const noTexts: MixedTexts = { texts: [], share: 0 };

/** @param random - orders the epochs; undefined keeps the order of the examples */
export function createWindows(
  demonstrations: RecordList<Example>,
  options: PadSettings & {
    readonly accumulation: number;
    readonly random: Random | undefined;
    readonly mixed: MixedTexts;
  },
): Windows {
  const { random, rows, accumulation, mixed } = options;
  const exampleAt = (index: number): Example =>
    (index < demonstrations.length
      ? demonstrations.at(index)
      : mixed.texts.at(index - demonstrations.length)) as Example;
  const { count, permutation } = mixTexts({
    demonstrations: demonstrations.length,
    texts: mixed.texts.length,
    share: mixed.share,
    random,
  });
  const order = createOrder({ count, batchSize: rows * accumulation, permutation });
  return {
    examples: count,
    perEpoch: order.batchesPerEpoch,
    take(cursor) {
      const { indices, next } = order.take(cursor);
      const examples = indices.map(exampleAt);
      const batches = toBatches(examples, options);
      return {
        batches,
        labelTokens: sumOf(batches, ({ labelTokens }) => labelTokens),
        tokens: sumOf(examples, ({ inputIds }) => inputIds.length),
        next,
      };
    },
  };
}

/** Examples in batches of `rows`; with `fewSizes` the last one is filled up with rows that teach nothing. */
export function toBatches(
  examples: readonly Example[],
  { padTokenId, rows, packing, multipleOf, fewSizes }: PadSettings,
): TrainingBatch[] {
  const filler: Example = { inputIds: Int32Array.of(padTokenId), labels: Int32Array.of(ignoredLabel) };
  const batches: TrainingBatch[] = [];
  for (let start = 0; start < examples.length; start += rows) {
    const taken = examples.slice(start, start + rows);
    const longest = Math.max(...taken.map(({ inputIds }) => inputIds.length));
    const labels = sumOf(taken, (example) => example.labels.filter((label) => label !== ignoredLabel).length);
    const step = multipleOf ?? (fewSizes ? roundingStep(longest, 16) : 1);
    const { rows: filled, length } = packing
      ? packRows(taken, step)
      : { rows: taken, length: bucketLength(longest, step) };
    const wanted = packing ? bucketLength(filled.length, roundingStep(filled.length, 1)) : rows;
    const missing = fewSizes ? wanted - filled.length : 0;
    const batch = collate([...filled, ...new Array<Example>(missing).fill(filler)], {
      padTokenId,
      length,
      targetBuckets: fewSizes ? roundingStep(labels, 32) : 1,
    });
    // How much is padding differs from batch to batch.
    batches.push({ ...batch, ...documentsOf(filled, batch), ...(fewSizes ? {} : realOf(batch)) });
  }
  return batches;
}

function realOf({ rows, length, attentionMask }: Batch): Pick<TrainingBatch, "real"> {
  const places: number[] = [];
  const spread = new Int32Array(rows * length);
  for (const [place, isReal] of attentionMask.entries()) {
    if (isReal === 1) spread[place] = places.push(place) - 1;
  }
  return places.length === spread.length ? {} : { real: { places: Int32Array.from(places), spread } };
}

function documentsOf(
  examples: readonly Example[],
  { rows, length }: Batch,
): Partial<Pick<TrainingBatch, "documentIds" | "positionIds">> {
  if (examples.every(({ documentIds }) => documentIds === undefined)) return {};
  const documentIds = new Int32Array(rows * length).fill(-1);
  const positionIds = new Int32Array(rows * length);
  for (const [row, example] of examples.entries()) {
    const own = example.documentIds ?? new Int32Array(example.inputIds.length);
    documentIds.set(own, row * length);
    for (let column = 1; column < own.length; column++) {
      const place = row * length + column;
      if (own[column] === own[column - 1]) positionIds[place] = (positionIds[place - 1] as number) + 1;
    }
  }
  return { documentIds, positionIds };
}

/** A batch as arguments of a compiled function. */
export function batchTensors({
  rows,
  length,
  inputIds,
  positionIds,
  documentIds,
  real,
  targetRows,
  targetIds,
  targetWeights,
}: TrainingBatch) {
  const targets = [targetRows.length];
  return {
    tokens: {
      inputIds: int32(inputIds, [rows, length]),
      positionIds: int32(positionIds, [rows, length]),
      ...(documentIds === undefined ? {} : { documentIds: int32(documentIds, [rows, length]) }),
      ...(real === undefined ? {} : { spread: int32(real.spread, [rows, length]) }),
    },
    ...(real === undefined ? {} : { places: int32(real.places, [real.places.length]) }),
    targets: {
      rows: int32(targetRows, targets),
      ids: int32(targetIds, targets),
      mask: float32(targetWeights, targets),
    },
  };
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
