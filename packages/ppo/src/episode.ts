import { type Batch, collate, ignoredLabel } from "@alignkit/data";

/** A prompt and what the policy answered. */
export interface Episode {
  /** `[P]` */
  readonly promptIds: Int32Array;
  /** `[R]`, at least one; ends with the stop token if the policy gave one. */
  readonly responseIds: Int32Array;
  /** Whether the response ended with a stop token, rather than at the length limit. */
  readonly finished: boolean;
}

/** An episode with all that the losses need; one number per response token. */
export interface TrainingEpisode extends Episode {
  /** Log-probabilities at the time of the rollout, nats. */
  readonly oldLogProbs: ArrayLike<number>;
  /** Values at the time of the rollout, of the state before each token. */
  readonly oldValues: ArrayLike<number>;
  readonly advantages: ArrayLike<number>;
  readonly returns: ArrayLike<number>;
}

// Lengths and numbers of response tokens are rounded up, so that few shapes are compiled.
const lengthBucket = 16;
const tokenBucket = 64;

/** Right-padded rows of prompt and response; the labels are the response tokens. */
export function collateEpisodes(episodes: readonly Episode[], padTokenId: number): Batch {
  const examples = episodes.map(({ promptIds, responseIds }) => ({
    inputIds: concatIds(promptIds, responseIds),
    labels: concatIds(new Int32Array(promptIds.length).fill(ignoredLabel), responseIds),
  }));
  return collate(examples, { padTokenId, buckets: lengthBucket, targetBuckets: tokenBucket });
}

/** Rows of text whose every token but the first is learned. */
export function collateTexts(texts: readonly Int32Array[], padTokenId: number): Batch {
  const examples = texts.map((inputIds) => ({ inputIds, labels: inputIds }));
  return collate(examples, { padTokenId, buckets: lengthBucket, targetBuckets: tokenBucket });
}

/** One number per response token of all episodes, in the order of `batch.targetRows`, 0 at its padding. */
export function flattenTokens(rows: readonly ArrayLike<number>[], batch: Batch): Float32Array {
  const flat = new Float32Array(batch.targetRows.length);
  let next = 0;
  for (const row of rows) {
    flat.set(row, next);
    next += row.length;
  }
  return flat;
}

/** The inverse of {@link flattenTokens}. */
export function splitTokens(flat: ArrayLike<number>, lengths: readonly number[]): Float64Array[] {
  let next = 0;
  return lengths.map((length) => {
    const row = Float64Array.from({ length }, (_, t) => flat[next + t] as number);
    next += length;
    return row;
  });
}

function concatIds(a: Int32Array, b: Int32Array): Int32Array {
  const joined = new Int32Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
