import type { Evaluation } from "@alignkit/world";

/** A mean with its 95 % interval (normal approximation over prompts). */
export interface Estimate {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** The policies that are compared, in the order of training. */
export const policyNames = ["base", "sft", "ppo", "ppoPtx"] as const;
export type PolicyName = (typeof policyNames)[number];

/** One policy on the held-out prompts. */
export interface PolicyResults extends Omit<Evaluation, "gold"> {
  /** Mean score of the gold judge, which makes no errors and never trains anything. */
  readonly goldScore: Estimate;
  /** How often the gold judge prefers it to the SFT model, ties counting half. */
  readonly winRateByGold: Estimate;
  /** The same by held-out simulated labelers, who err. */
  readonly winRateByLabelers: Estimate;
  /** Mean score of the reward model, what PPO maximizes. */
  readonly rewardModelScore: number;
  /** KL divergence to the SFT model, nats per answer, from the sampled answers. */
  readonly klToSft: Estimate;
  /** Mean loss on held-out raw text, nats per token. */
  readonly rawTextLoss: number;
}

export interface RewardModelResults {
  /** On pairs that held-out labelers did not tie, of prompts that it was not trained on; a mean over prompts. */
  readonly accuracyOnHeldOutLabelers: Estimate;
  /** How often two held-out labelers agree on the same answers: about what can be reached. */
  readonly labelerAgreement: number;
  /** The same answers, ordered by the gold judge instead of a labeler. */
  readonly accuracyOnGold: Estimate;
  /** Mean score of demonstrations: 0 up to rounding. */
  readonly meanOfDemonstrations: number;
}

export interface SampledAnswers {
  readonly prompt: string;
  readonly useCase: string;
  readonly answers: Readonly<Record<PolicyName, string>>;
  readonly goldScores: Readonly<Record<PolicyName, number>>;
}

/** All that the demo measures; `results.json`. */
export interface Results {
  readonly note: string;
  readonly prompts: number;
  /** Of sampling. */
  readonly temperature: number;
  readonly policies: Readonly<Record<PolicyName, PolicyResults>>;
  /** The same with the likeliest token at each place (temperature 0). */
  readonly greedy: Readonly<
    Record<PolicyName, Pick<PolicyResults, "goldScore" | "winRateByGold" | "winRateByLabelers">>
  >;
  readonly rewardModel: RewardModelResults;
  readonly samples: readonly SampledAnswers[];
}

/** @param values - at least one */
export function estimate(values: readonly number[]): Estimate {
  const count = values.length;
  const mean = values.reduce((total, value) => total + value, 0) / count;
  const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0);
  // 1.96: the 97.5 % quantile of the normal distribution.
  const margin = count < 2 ? Number.POSITIVE_INFINITY : 1.96 * Math.sqrt(squares / (count - 1) / count);
  return { mean, low: mean - margin, high: mean + margin, count };
}
