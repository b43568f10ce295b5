import type { Random } from "@alignkit/core";

/** The items in the order of one epoch, `size` at a time; each epoch has a permutation of its own. */
export function* minibatches<T>(
  items: readonly T[],
  size: number,
  random: Random,
  epoch: number,
): Generator<readonly T[]> {
  const order = random.split(`epoch ${epoch}`).permutation(items.length);
  for (let start = 0; start < order.length; start += size)
    yield Array.from(order.subarray(start, start + size), (index) => items[index] as T);
}
