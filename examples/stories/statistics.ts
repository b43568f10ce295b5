/** Means with intervals. */
import type { Random } from "@alignkit/core";

export interface Interval {
  readonly mean: number;
  /** Of 95 %. */
  readonly low: number;
  readonly high: number;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * Bootstrap in two levels: seeds are drawn again, then the groups within each, so that the interval holds the variation of
 * training runs as well as that of prompts.
 * @param seeds - one number per prompt for each seed
 */
export function bootstrapInterval(
  seeds: readonly (readonly number[])[],
  random: Random,
  repetitions = 4000,
): Interval {
  const draws = Float64Array.from({ length: repetitions }, () => {
    let sum = 0;
    for (let s = 0; s < seeds.length; s++) {
      const values = seeds[random.integer(seeds.length)] as readonly number[];
      let own = 0;
      for (let index = 0; index < values.length; index++)
        own += values[random.integer(values.length)] as number;
      sum += own / values.length;
    }
    return sum / seeds.length;
  }).sort();
  const quantile = (share: number) => draws[Math.floor(share * (repetitions - 1))] as number;
  return { mean: mean(seeds.map(mean)), low: quantile(0.025), high: quantile(0.975) };
}

/** Share of all pairs of a positive and a negative score that are in order; ties count half. */
export function areaUnderCurve(positive: readonly number[], negative: readonly number[]): number {
  const sorted = Float64Array.from(negative).sort();
  const below = (value: number, inclusive: boolean) => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const entry = sorted[middle] as number;
      if (entry < value || (inclusive && entry === value)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const wins = positive.map((value) => (below(value, false) + below(value, true)) / 2);
  return mean(wins) / negative.length;
}

/** Pearson's correlation; 0 when one side does not vary. */
export function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let index = 0; index < a.length; index++) {
    const [da, db] = [(a[index] as number) - meanA, (b[index] as number) - meanB];
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}
