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

/** An estimate of the KL divergence from one sample. */
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
 * Rewards of one episode: minus the KL penalty at every token, plus the score at the last step.
 * @param options.kl - per token, nats
 * @param options.steps - of the episode: as many as tokens (default), so that the last token receives the score, or one more,
 *   the first padding token of N+
 * @see Ouyang et al. 2022, eq. 2; Huang et al. 2024, "The N+ Implementation Details of RLHF with PPO"
 */
export function tokenRewards(options: {
  readonly kl: ArrayLike<number>;
  readonly klCoefficient: number;
  readonly score: number;
  readonly steps?: number;
}): Float64Array {
  const { kl, klCoefficient, score, steps = kl.length } = options;
  if (kl.length === 0 || steps < kl.length)
    throw new RangeError(`a score needs a step, but the response has ${kl.length} tokens, ${steps} steps`);
  const rewards = new Float64Array(steps);
  for (let t = 0; t < kl.length; t++) rewards[t] = -klCoefficient * (kl[t] as number);
  rewards[steps - 1] = (rewards[steps - 1] as number) + score;
  return rewards;
}

/** `score` limited to `[-limit, limit]`; `undefined` leaves it. */
export function clipScore(score: number, limit: number | undefined): number {
  return limit === undefined ? score : Math.max(-limit, Math.min(limit, score));
}
