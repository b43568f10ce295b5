// Per-token rewards are made on the host in double precision, one ragged row per episode, so that there is no
// padding to leak and every backend gives the same numbers.

/** Estimates of KL(policy || reference) per token, from one sample. @see Schulman, "Approximating KL Divergence" */
export const klEstimators = {
  /** `log p - log q`: unbiased, may be negative; the one of eq. 2. */
  k1: (difference: number) => difference,
  /** Half the square. */
  k2: (difference: number) => (difference * difference) / 2,
  /** `exp(-d) - 1 + d`: unbiased, never negative. */
  k3: (difference: number) => Math.exp(-difference) - 1 + difference,
} as const;

export type KlEstimator = keyof typeof klEstimators;

/**
 * KL estimate per token, nats.
 * @param logProbs - of the sampled tokens under the policy
 * @param referenceLogProbs - of the same tokens under the reference
 */
export function tokenKl(
  logProbs: ArrayLike<number>,
  referenceLogProbs: ArrayLike<number>,
  estimator: KlEstimator,
): Float64Array {
  const estimate = klEstimators[estimator];
  return Float64Array.from(logProbs, (logProb, t) => estimate(logProb - (referenceLogProbs[t] as number)));
}

/**
 * Rewards of one episode: minus the KL penalty at every token, plus the score at one of them.
 * @param kl - per token, nats
 * @param scoreAt - the token that receives the score: the last one, see `score_placement`
 * @see Ouyang et al. 2022, eq. 2
 */
export function tokenRewards(options: {
  readonly kl: ArrayLike<number>;
  readonly klCoefficient: number;
  readonly score: number;
  readonly scoreAt: number;
}): Float64Array {
  const { kl, klCoefficient, score, scoreAt } = options;
  const rewards = Float64Array.from(kl, (penalty) => -klCoefficient * penalty);
  if (!(scoreAt >= 0 && scoreAt < rewards.length)) {
    throw new RangeError(
      `the score belongs at token ${scoreAt}, but the response has ${rewards.length} tokens`,
    );
  }
  rewards[scoreAt] = (rewards[scoreAt] as number) + score;
  return rewards;
}

/** `score` limited to `[-limit, limit]`; `undefined` leaves it. */
export function clipScore(score: number, limit: number | undefined): number {
  return limit === undefined ? score : Math.max(-limit, Math.min(limit, score));
}
