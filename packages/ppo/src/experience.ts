import { requireFinite } from "@alignkit/core";
import { explainedVariance, generalizedAdvantages, moments, whiten } from "./advantages.js";
import type { Episode, TrainingEpisode } from "./episode.js";
import { clipScore, type KlEstimator, tokenKl, tokenRewards } from "./rewards.js";

export interface ExperienceSettings {
  readonly klCoefficient: number;
  readonly klEstimator: KlEstimator;
  readonly scoreClip: number | undefined;
  readonly missingEosPenalty: number;
  readonly whitenRewards: boolean;
  readonly gamma: number;
  readonly lambda: number;
  readonly whitenAdvantages: boolean;
}

/** What the models said of the episodes, one row or number per episode. */
export interface Judgements {
  readonly logProbs: readonly ArrayLike<number>[];
  readonly referenceLogProbs: readonly ArrayLike<number>[];
  readonly values: readonly ArrayLike<number>[];
  readonly scores: readonly number[];
}

/**
 * @param step - of the policy's optimizer, from 1
 * @throws {NonFiniteError} naming what a model said of which episode
 */
export function requireFiniteJudgements(judgements: Judgements, step: number): void {
  const said: Readonly<Record<string, readonly (number | ArrayLike<number>)[]>> = { ...judgements };
  for (const [name, rows] of Object.entries(said)) {
    for (const [episode, row] of rows.entries()) {
      const numbers = typeof row === "number" ? [row] : Array.from(row);
      // One that is not finite makes the sum so.
      const sum = numbers.reduce((total, value) => total + value, 0);
      requireFinite({ [`${name} of episode ${episode}`]: sum }, step);
    }
  }
}

export interface Experience {
  readonly episodes: readonly TrainingEpisode[];
  /** Before whitening, one row per episode. */
  readonly kl: readonly Float64Array[];
  readonly rewards: readonly Float64Array[];
  readonly metrics: Readonly<Record<string, number>>;
}

/**
 * Rewards, advantages and returns of a batch of episodes.
 * @see Ouyang et al. 2022, eq. 2; Schulman et al. 2016
 */
export function makeExperience(
  episodes: readonly Episode[],
  judgements: Judgements,
  settings: ExperienceSettings,
): Experience {
  const { logProbs, referenceLogProbs, values, scores } = judgements;
  const kl = episodes.map((_, b) =>
    tokenKl(
      logProbs[b] as ArrayLike<number>,
      referenceLogProbs[b] as ArrayLike<number>,
      settings.klEstimator,
    ),
  );
  const given = episodes.map(
    ({ finished }, b) =>
      clipScore(scores[b] as number, settings.scoreClip) - (finished ? 0 : settings.missingEosPenalty),
  );
  // The score belongs to the last token: the stop token, or where the length limit cut.
  const raw = kl.map((row, b) =>
    tokenRewards({
      kl: row,
      klCoefficient: settings.klCoefficient,
      score: given[b] as number,
      scoreAt: row.length - 1,
    }),
  );
  const rewards = settings.whitenRewards ? whiten(raw, { unbiased: true, shiftMean: false }) : raw;
  const estimates = rewards.map((row, b) =>
    generalizedAdvantages({
      rewards: row,
      values: values[b] as ArrayLike<number>,
      gamma: settings.gamma,
      lambda: settings.lambda,
    }),
  );
  const plain = estimates.map(({ advantages }) => advantages);
  const advantages = settings.whitenAdvantages ? whiten(plain, { unbiased: true, shiftMean: true }) : plain;
  const returns = estimates.map((estimate) => estimate.returns);
  return {
    episodes: episodes.map((episode, b) => ({
      ...episode,
      oldLogProbs: logProbs[b] as ArrayLike<number>,
      oldValues: values[b] as ArrayLike<number>,
      advantages: advantages[b] as Float64Array,
      returns: returns[b] as Float64Array,
    })),
    kl,
    rewards: raw,
    metrics: describe(episodes, judgements, given, kl, returns, settings.klCoefficient),
  };
}

/** Ziegler's names; KL and entropy are per episode, in nats. */
function describe(
  episodes: readonly Episode[],
  { logProbs, values, scores }: Judgements,
  given: readonly number[],
  kl: readonly Float64Array[],
  returns: readonly Float64Array[],
  klCoefficient: number,
) {
  const perEpisode = (rows: readonly ArrayLike<number>[]) =>
    rows.map((row) => Array.from(row).reduce((total, x) => total + x, 0));
  const klMean = mean(perEpisode(kl));
  const lengths = episodes.map(({ responseIds }) => responseIds.length);
  const returnMoments = moments(returns);
  const valueMoments = moments(values);
  return {
    "objective/kl": klMean,
    "objective/kl_coef": klCoefficient,
    // Of the sampled tokens: an unbiased estimate of the entropy of a response.
    "objective/entropy": -mean(perEpisode(logProbs)),
    "objective/score": mean(scores),
    "objective/score_total": mean(given) - klCoefficient * klMean,
    "objective/frac_no_eos": mean(episodes.map(({ finished }) => (finished ? 0 : 1))),
    "response_length/mean": mean(lengths),
    reward_length_corr: correlation(scores, lengths),
    "ppo/returns/mean": returnMoments.mean,
    "ppo/returns/var": returnMoments.variance,
    "ppo/val/mean": valueMoments.mean,
    "ppo/val/var": valueMoments.variance,
    "ppo/val/var_explained": explainedVariance(values, returns),
  };
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
