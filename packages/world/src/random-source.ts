/**
 * Randomness as an argument: the part of `@alignkit/core`'s `Random` that this package needs, and draws made from it.
 */
import { ConfigError } from "@alignkit/core";

/** A splittable stream of random numbers; `Random` of `@alignkit/core` is one. */
export interface RandomSource {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Uniform over 0, 1, ..., bound - 1. */
  integer(bound: number): number;
  /** An independent stream, fixed by this stream and the name. */
  split(name: string): RandomSource;
}

/** True with probability `probability`. */
export function chance(random: RandomSource, probability: number): boolean {
  return random.uniform() < probability;
}

/** One of `items`, uniformly. @throws {ConfigError} when there are none */
export function pick<T>(random: RandomSource, items: readonly T[]): T {
  if (items.length === 0) throw new ConfigError("pick: no items to choose from; give at least one");
  return items[random.integer(items.length)] as T;
}

/** One of the items of `entries`, with probability proportional to its weight. */
export function pickWeighted<T>(
  random: RandomSource,
  entries: readonly (readonly [item: T, weight: number])[],
): T {
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
  let left = random.uniform() * total;
  for (const [item, weight] of entries) {
    left -= weight;
    if (left < 0) return item;
  }
  const last = entries.at(-1);
  if (last === undefined) throw new ConfigError("pickWeighted: no items to choose from; give at least one");
  return last[0];
}

/** `items` in a uniformly random order. */
export function shuffled<T>(random: RandomSource, items: readonly T[]): readonly T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const other = random.integer(last + 1);
    [order[last], order[other]] = [order[other] as T, order[last] as T];
  }
  return order;
}

/** `count` different items, in random order. @throws {ConfigError} when there are fewer */
export function pickDistinct<T>(random: RandomSource, items: readonly T[], count: number): readonly T[] {
  if (count > items.length) {
    throw new ConfigError(`pickDistinct: ${count} different items asked for, ${items.length} given`);
  }
  return shuffled(random, items).slice(0, count);
}
