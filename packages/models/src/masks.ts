import {
  add,
  and,
  cast,
  equal,
  iota,
  less,
  lessEqual,
  mul,
  or,
  reshape,
  select,
  sub,
  type Tensor,
} from "@alignkit/core";

/**
 * Added to the score of a key that must not be seen. Large enough that its probability is exactly 0, finite so that
 * a row without any visible key (padding) stays finite.
 */
export const hidden = -1e30;

/**
 * Additive mask `[1, 1, T, T]`: each position sees itself and the past. Enough for right-padded rows.
 * @param slidingWindow - keys seen, the query's own included; null sees all of the past
 *
 * Computed in the graph, so that T may be a free size.
 */
export function causalMask(length: number, slidingWindow: number | null = null): Tensor {
  const shape = [1, 1, length, length];
  const query = iota(shape, 2);
  const key = iota(shape, 3);
  const past = lessEqual(key, query);
  const visible = slidingWindow === null ? past : and(past, less(sub(query, key), slidingWindow));
  return select(visible, 0, hidden);
}

/**
 * Additive mask `[B, 1, T, T]` of rows with padding anywhere, on the left too: causal, and padding is not seen.
 * @param attentionMask - int32 `[B, T]`, 1 on real tokens, 0 on padding
 */
export function leftPaddedMask(attentionMask: Tensor, slidingWindow: number | null = null): Tensor {
  const [batch, length] = attentionMask.shape as [number, number];
  const padding = mul(sub(1, cast(attentionMask, "float32")), hidden);
  return add(causalMask(length, slidingWindow), reshape(padding, [batch, 1, 1, length]));
}

/**
 * Additive mask `[B, 1, T, T]` of rows that hold several documents: each sees only itself, causally.
 * @param documentIds - int32 `[B, T]`, equal within a document; padding has an id of its own, such as -1
 */
export function documentMask(documentIds: Tensor, slidingWindow: number | null = null): Tensor {
  const [batch, length] = documentIds.shape as [number, number];
  const same = equal(
    reshape(documentIds, [batch, 1, length, 1]),
    reshape(documentIds, [batch, 1, 1, length]),
  );
  return add(select(same, 0, hidden), causalMask(length, slidingWindow));
}

/**
 * Additive mask `[B, 1, T, T]` of rows that begin with what several branches share: each branch sees the shared tokens
 * and itself, causally. With positions that go on from the shared tokens in every branch, a branch is computed exactly
 * as in a row of its own.
 * @param branchIds - int32 `[B, T]`: 0 on shared tokens, 1, 2 ... on the tokens of each branch, -1 on padding
 * @param positionIds - int32 `[B, T]`; the sliding window counts these, not columns
 */
export function branchMask(
  branchIds: Tensor,
  positionIds: Tensor,
  slidingWindow: number | null = null,
): Tensor {
  const [batch, length] = branchIds.shape as [number, number];
  const asQuery = (x: Tensor) => reshape(x, [batch, 1, length, 1]);
  const asKey = (x: Tensor) => reshape(x, [batch, 1, 1, length]);
  const key = asKey(branchIds);
  const visible = or(equal(asQuery(branchIds), key), equal(key, 0));
  const mask = add(select(visible, 0, hidden), causalMask(length));
  if (slidingWindow === null) return mask;
  const near = less(sub(asQuery(positionIds), asKey(positionIds)), slidingWindow);
  return add(mask, select(near, 0, hidden));
}
