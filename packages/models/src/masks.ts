import {
  add,
  and,
  cast,
  equal,
  iota,
  less,
  lessEqual,
  mul,
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
