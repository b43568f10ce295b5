import { requireFinite } from "@alignkit/core";
import { explainedVariance, generalizedAdvantages, moments, whiten } from "./advantages.js";
import { type Episode, stepsOf, type TrainingEpisode } from "./episode.js";
import { mean, responseMetrics } from "./response-metrics.js";
import { clipScore, type KlEstimator, tokenKl, tokenRewards } from "./rewards.js";

/** How scores become rewards, and these advantages. */
export interface ExperienceSettings {
  readonly klCoefficient: number;
  readonly klEstimator: KlEstimator;
  readonly scoreClip: number | undefined;
  /** Taken off the score of an unfinished response. */
  readonly missingEosPenalty: number;
  /** Replaces that score. */
  readonly missingEosScore?: number | undefined;
  readonly whitenRewards: boolean;
  readonly gamma: number;
  readonly lambda: number;
  readonly whitenAdvantages: boolean;
  /** Whether whitening divides squares by N - 1 rather than N. */
  readonly unbiasedVariance: boolean;
}

/** What the models said of the episodes, one row or number per episode; see {@link TrainingEpisode} for the rows. */
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

/** Episodes with all that an update needs of them. */
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
  const unbiased = settings.unbiasedVariance;
  const kl = episodes.map((_, b) =>
    tokenKl(
      logProbs[b] as ArrayLike<number>,
      referenceLogProbs[b] as ArrayLike<number>,
      settings.klEstimator,
    ),
  );
  const given = episodes.map(({ finished }, b) => {
    const score = clipScore(scores[b] as number, settings.scoreClip);
    return finished ? score : (settings.missingEosScore ?? score) - settings.missingEosPenalty;
  });
  // The score belongs to the last step: the stop token, where the length limit cut, or in N+ the first padding.
  const raw = kl.map((row, b) =>
    tokenRewards({
      kl: row,
      klCoefficient: settings.klCoefficient,
      score: given[b] as number,
      steps: stepsOf(episodes[b] as Episode),
    }),
  );
  const rewards = settings.whitenRewards ? whiten(raw, { unbiased, shiftMean: false }) : raw;
  const estimates = rewards.map((row, b) =>
    generalizedAdvantages({
      rewards: row,
      values: values[b] as ArrayLike<number>,
      gamma: settings.gamma,
      lambda: settings.lambda,
    }),
  );
  // Tokens have advantages; a step after them has none.
  const plain = estimates.map(({ advantages }, b) =>
    advantages.subarray(0, (episodes[b] as Episode).responseIds.length),
  );
  const advantages = settings.whitenAdvantages ? whiten(plain, { unbiased, shiftMean: true }) : plain;
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
    metrics: {
      ...describe(judgements, given, kl, returns, settings.klCoefficient),
      ...responseMetrics(episodes, scores),
    },
  };
}

/** Ziegler's names; KL and entropy are per episode, in nats. */
function describe(
  { logProbs, referenceLogProbs, values, scores }: Judgements,
  given: readonly number[],
  kl: readonly Float64Array[],
  returns: readonly Float64Array[],
  klCoefficient: number,
) {
  const perEpisode = (rows: readonly ArrayLike<number>[]) =>
    rows.map((row) => Array.from(row).reduce((total, x) => total + x, 0));
  const klMean = mean(perEpisode(kl));
  const estimated = (estimator: KlEstimator) =>
    mean(
      perEpisode(
        logProbs.map((row, b) => tokenKl(row, referenceLogProbs[b] as ArrayLike<number>, estimator)),
      ),
    );
  const returnMoments = moments(returns);
  const valueMoments = moments(values);
  return {
    "objective/kl": klMean,
    // k1, the default of `objective/kl`, may be negative; k3 may not.
    "objective/kl_k3": estimated("k3"),
    "objective/kl_coef": klCoefficient,
    // Of the sampled tokens: an unbiased estimate of the entropy of a response.
    "objective/entropy": -mean(perEpisode(logProbs)),
    "objective/score": mean(scores),
    "objective/non_score_reward": -klCoefficient * klMean,
    "objective/score_total": mean(given) - klCoefficient * klMean,
    "ppo/returns/mean": returnMoments.mean,
    "ppo/returns/var": returnMoments.variance,
    "ppo/val/mean": valueMoments.mean,
    "ppo/val/var": valueMoments.variance,
    "ppo/val/var_explained": explainedVariance(values, returns),
  };
}
