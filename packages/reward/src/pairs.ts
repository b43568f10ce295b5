/**
 * From ranks to pairs. Rank 1 is best; equal ranks are ties, and a tie is no pair (Ouyang et al. 2022, appendix C.2).
 *
 * All pairs of a prompt stand in one batch element, because pairs shuffled apart overfit within one epoch
 * (Ouyang et al. 2022, section 3.5).
 */

/**
 * What the losses of a prompt's pairs are divided by.
 *
 * - `valid_pairs`: its untied pairs, then the mean over prompts. The paper does not say what ties do to the divisor; so
 *   a prompt with ties weighs as much as one without.
 * - `k_choose_2`: K (K - 1) / 2, the paper's equation 1 to the letter; a prompt with ties weighs less.
 * - `pooled_pairs`: the untied pairs of the whole batch; a prompt weighs as its pairs are many.
 */
export const lossNormalizations = ["valid_pairs", "k_choose_2", "pooled_pairs"] as const;
export type LossNormalization = (typeof lossNormalizations)[number];

/** One pair of responses of the same prompt, by their places among that prompt's responses. */
export interface RankedPair {
  readonly preferred: number;
  readonly rejected: number;
}

/** The untied pairs, in the order of the responses. */
export function untiedPairs(ranks: readonly number[]): RankedPair[] {
  const pairs: RankedPair[] = [];
  for (let first = 0; first < ranks.length; first++) {
    for (let second = first + 1; second < ranks.length; second++) {
      const difference = (ranks[second] as number) - (ranks[first] as number);
      if (difference > 0) pairs.push({ preferred: first, rejected: second });
      if (difference < 0) pairs.push({ preferred: second, rejected: first });
    }
  }
  return pairs;
}

/** The size of a batch, as far as the divisors need it. */
export interface BatchSize {
  readonly prompts: number;
  readonly pairs: number;
}

/** The weight of one pair: with these weights the losses of all pairs of a batch add up to its loss. */
const weights: {
  readonly [K in LossNormalization]: (responses: number, pairs: number, batch: BatchSize) => number;
} = {
  valid_pairs: (_, pairs, batch) => 1 / (pairs * batch.prompts),
  k_choose_2: (responses, _, batch) => 2 / (responses * (responses - 1) * batch.prompts),
  pooled_pairs: (_responses, _pairs, batch) => 1 / batch.pairs,
};

/**
 * Weight of each pair of one prompt.
 * @param responses - K
 * @param pairs - untied ones of this prompt, at least 1
 * @param batch - prompts and untied pairs of everything that one optimizer step sees
 */
export function pairWeight({
  normalization,
  responses,
  pairs,
  batch,
}: {
  readonly normalization: LossNormalization;
  readonly responses: number;
  readonly pairs: number;
  readonly batch: BatchSize;
}): number {
  return weights[normalization](responses, pairs, batch);
}
