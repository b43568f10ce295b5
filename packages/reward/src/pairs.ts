/**
 * What the pairs of a prompt weigh. All of them stand in one batch element, because pairs shuffled apart overfit within
 * one epoch (Ouyang et al. 2022, section 3.5); ties make no pair (appendix C.2).
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
/** One of {@link lossNormalizations}. */
export type LossNormalization = (typeof lossNormalizations)[number];

/** The size of everything that one optimizer step sees. */
export interface BatchSize {
  readonly prompts: number;
  /** Untied ones. */
  readonly pairs: number;
}

const weights: {
  readonly [K in LossNormalization]: (responses: number, pairs: number, batch: BatchSize) => number;
} = {
  valid_pairs: (_, pairs, batch) => 1 / (pairs * batch.prompts),
  k_choose_2: (responses, _, batch) => 2 / (responses * (responses - 1) * batch.prompts),
  pooled_pairs: (_responses, _pairs, batch) => 1 / batch.pairs,
};

/** Weight of each pair of one prompt: with these weights the losses of all pairs of a batch add up to the batch's loss. */
export function pairWeight({
  normalization,
  responses,
  pairs,
  batch,
}: {
  readonly normalization: LossNormalization;
  /** K. */
  readonly responses: number;
  /** Untied ones of this prompt, at least 1. */
  readonly pairs: number;
  /** The whole of an accumulation window, so that 8 x 1 prompts are the same step as 1 x 8. */
  readonly batch: BatchSize;
}): number {
  return weights[normalization](responses, pairs, batch);
}
