/** What tells a policy that games its reward: length, its correlation with the score, repetition. */
import type { Episode } from "./episode.js";

export function responseMetrics(
  episodes: readonly Episode[],
  scores: readonly number[],
): Readonly<Record<string, number>> {
  const lengths = episodes.map(({ responseIds }) => responseIds.length);
  const finished = episodes.filter((episode) => episode.finished).length;
  const responses = episodes.map(({ responseIds }) => responseIds);
  return {
    "objective/frac_no_eos": 1 - finished / episodes.length,
    "objective/num_eos": finished,
    "response_length/mean": mean(lengths),
    "response_length/max": Math.max(...lengths),
    reward_length_corr: correlation(scores, lengths),
    "response/distinct_1": distinct(responses, 1),
    "response/distinct_2": distinct(responses, 2),
  };
}

/**
 * Different n-grams over all n-grams of a batch; near 0 where the responses repeat themselves or each other.
 * @see Li et al. 2016, "A Diversity-Promoting Objective Function for Neural Conversation Models", distinct-n
 */
export function distinct(responses: readonly Int32Array[], n: number): number {
  const seen = new Set<string>();
  let count = 0;
  for (const ids of responses) {
    for (let start = 0; start + n <= ids.length; start++) {
      seen.add(ids.subarray(start, start + n).join());
      count += 1;
    }
  }
  return count === 0 ? 0 : seen.size / count;
}

export function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

/** Pearson's; 0 when one side does not vary. */
export function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (const [index, value] of a.entries()) {
    const [da, db] = [value - meanA, (b[index] as number) - meanB];
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}
