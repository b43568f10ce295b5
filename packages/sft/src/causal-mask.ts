import { and, less, lessEqual, reshape, select, sub, type Tensor } from "@alignkit/core";

/**
 * Additive mask `[1, 1, T, T]`: each position sees itself and the past. Made from an input instead of a constant, so that
 * one graph serves all T where the backend can.
 * @param columns - int32 `[T]`: 0, 1, 2 ..
 * @param slidingWindow - positions seen, the own one included; null sees all of the past
 */
export function causalMaskOf(columns: Tensor, slidingWindow: number | null): Tensor {
  const length = columns.shape[0] as number;
  const queries = reshape(columns, [1, 1, length, 1]);
  const keys = reshape(columns, [1, 1, 1, length]);
  const past = lessEqual(keys, queries);
  const seen = slidingWindow === null ? past : and(past, less(sub(queries, keys), slidingWindow));
  return select(seen, 0, unseen);
}

/** Large enough for a probability of exactly 0, and finite. */
const unseen = -1e30;
