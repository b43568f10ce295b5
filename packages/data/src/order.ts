/** The order in which a stage takes its examples: seeded, and resumable from a place that is plain JSON. */

/** The next example to take: `index` counts within the epoch's order. */
export interface Cursor {
  readonly epoch: number;
  readonly index: number;
}

/** Before the first example of the first epoch. */
export const startOfData: Cursor = { epoch: 0, index: 0 };

/**
 * An order of `0 .. count - 1` for an epoch; the same arguments give the same order, for example
 * `(count, epoch) => random.split(String(epoch)).permutation(count)`.
 */
export type Permutation = (count: number, epoch: number) => ArrayLike<number>;

/** File order, the same in every epoch. */
export const fileOrder: Permutation = (count) => Int32Array.from({ length: count }, (_, index) => index);

/** What an order is of. */
export interface OrderOptions {
  readonly count: number;
  readonly batchSize: number;
  readonly permutation: Permutation;
  /**
   * What becomes of the examples at the end of an epoch that are too few for a batch: "keep" makes a smaller batch,
   * "drop" leaves them out, "wrap" fills up from the next epoch. Default "keep".
   */
  readonly last?: "drop" | "keep" | "wrap";
}

/** The order in which examples come, epoch after epoch. */
export interface Order {
  /** Batches of one epoch; with "wrap" a whole number only in the long run, rounded down here. */
  readonly batchesPerEpoch: number;
  /** The examples at `cursor`, and where the next batch starts. */
  take(cursor: Cursor): { readonly indices: readonly number[]; readonly next: Cursor };
}

/** @throws {RangeError} when no batch can be made */
export function createOrder({ count, batchSize, permutation, last = "keep" }: OrderOptions): Order {
  if (!(count > 0) || !(batchSize > 0) || (last === "drop" && count < batchSize)) {
    throw new RangeError(`createOrder: ${count} examples make no batch of ${batchSize}`);
  }
  let cached: { readonly epoch: number; readonly order: ArrayLike<number> } | undefined;
  const orderOf = (epoch: number) => {
    if (cached?.epoch !== epoch) cached = { epoch, order: permutation(count, epoch) };
    return cached.order;
  };
  const normalize = ({ epoch, index }: Cursor): Cursor =>
    index >= count || (last === "drop" && index + batchSize > count)
      ? { epoch: epoch + 1, index: 0 }
      : { epoch, index };

  return {
    batchesPerEpoch:
      last === "keep" ? Math.ceil(count / batchSize) : Math.max(1, Math.floor(count / batchSize)),
    take(cursor) {
      let { epoch, index } = normalize(cursor);
      const indices: number[] = [];
      while (indices.length < batchSize) {
        if (index === count) {
          if (last !== "wrap") break;
          epoch++;
          index = 0;
        }
        indices.push(orderOf(epoch)[index++] as number);
      }
      return { indices, next: normalize({ epoch, index }) };
    },
  };
}
