import { definePlugin, type Plugin } from "@alignkit/core";
import type { NamedReward } from "./reward-function.js";
import { ppoStage } from "./stage.js";

export {
  type Advantages,
  explainedVariance,
  generalizedAdvantages,
  moments,
  type WhitenOptions,
  whiten,
} from "./advantages.js";
export { type PpoConfig, ppoConfig } from "./config.js";
export { createWeightAverage, type WeightAverage } from "./ema.js";
export type { Episode, TrainingEpisode } from "./episode.js";
export {
  createEpisodeScorer,
  createLogProbEvaluator,
  createValueEvaluator,
  type EpisodeScorer,
  type EvaluateOptions,
  type TokenEvaluator,
} from "./evaluate.js";
export { type Experience, type ExperienceSettings, type Judgements, makeExperience } from "./experience.js";
export { type KlControl, nextKlCoefficient } from "./kl-controller.js";
export {
  meanOverTokens,
  type PolicyLoss,
  type PolicyLossInputs,
  policyLoss,
  pretrainingLoss,
  type ValueLoss,
  type ValueLossInputs,
  valueLoss,
} from "./losses.js";
export { trlMetricNames } from "./metric-names.js";
export type { NamedReward, RewardFunction, RewardTokens } from "./reward-function.js";
export { clipScore, type KlEstimator, klEstimators, tokenKl, tokenRewards } from "./rewards.js";
export { ppoStage } from "./stage.js";
export { createUpdater, type UpdateMetrics, type Updater } from "./update.js";

export interface PpoOptions {
  /** Added to the score of the reward model, or instead of one. */
  readonly rewards?: readonly NamedReward[];
}

/** The plugin: one stage, `ppo`. */
export const ppo = ({ rewards = [] }: PpoOptions = {}): Plugin =>
  definePlugin({ name: "ppo", stages: [ppoStage(rewards)] });
export type { UpdateSettings } from "./functions.js";
