/** What {@link generalizedAdvantages} gives, one number per response token. */
export interface Advantages {
  readonly advantages: Float64Array;
  /** `advantages + values`: the target of the value model. */
  readonly returns: Float64Array;
}

/**
 * Generalised advantage estimation over one episode.
 * @param options.values - of the state before each token
 * @param options.bootstrap - value after the last token; 0 where the episode ended
 * @see Schulman et al. 2016, eq. 16
 */
export function generalizedAdvantages(options: {
  readonly rewards: ArrayLike<number>;
  readonly values: ArrayLike<number>;
  readonly gamma: number;
  readonly lambda: number;
  readonly bootstrap?: number;
}): Advantages {
  const { rewards, values, gamma, lambda, bootstrap = 0 } = options;
  const length = rewards.length;
  const advantages = new Float64Array(length);
  const returns = new Float64Array(length);
  let next = 0;
  let nextValue = bootstrap;
  for (let t = length - 1; t >= 0; t--) {
    const value = values[t] as number;
    const delta = (rewards[t] as number) + gamma * nextValue - value;
    next = delta + gamma * lambda * next;
    advantages[t] = next;
    returns[t] = next + value;
    nextValue = value;
  }
  return { advantages, returns };
}

/** How rows are scaled; implementations differ. */
export interface WhitenOptions {
  /** Divide the sum of squares by N - 1 (as TRL) instead of N (as lm-human-preferences). */
  readonly unbiased: boolean;
  /** Whether the mean becomes 0; rewards keep theirs. */
  readonly shiftMean: boolean;
  readonly epsilon?: number;
}

/**
 * Rows scaled to unit variance over all their tokens together.
 * @param rows - one per episode, ragged
 */
export function whiten(
  rows: readonly Float64Array[],
  { unbiased, shiftMean, epsilon = 1e-8 }: WhitenOptions,
): readonly Float64Array[] {
  const { mean, variance } = moments(rows, unbiased);
  const scale = 1 / Math.sqrt(variance + epsilon);
  const kept = shiftMean ? 0 : mean;
  return rows.map((row) => row.map((x) => (x - mean) * scale + kept));
}

/** Mean and variance over all tokens. */
export function moments(
  rows: readonly ArrayLike<number>[],
  unbiased = false,
): { readonly mean: number; readonly variance: number; readonly count: number } {
  let count = 0;
  let total = 0;
  for (const row of rows) {
    count += row.length;
    for (let t = 0; t < row.length; t++) total += row[t] as number;
  }
  const mean = total / count;
  let squares = 0;
  for (const row of rows) for (let t = 0; t < row.length; t++) squares += ((row[t] as number) - mean) ** 2;
  return { mean, variance: squares / (unbiased ? count - 1 : count), count };
}

/**
 * Share of the returns' variance that the values explain: 1 is perfect, 0 no better than their mean.
 * @returns `NaN` when all returns are equal
 */
export function explainedVariance(
  values: readonly ArrayLike<number>[],
  returns: readonly ArrayLike<number>[],
): number {
  const residuals = returns.map((row, index) =>
    Float64Array.from(row, (x, t) => x - (values[index]?.[t] as number)),
  );
  return 1 - moments(residuals).variance / moments(returns).variance;
}
