/** Figures of an iteration's updates and of its pace. */
import { peakResidentBytes } from "@alignkit/core";
import type { Episode } from "./episode.js";
import { mean } from "./response-metrics.js";
import type { UpdateMetrics } from "./update.js";

/** Means over the minibatches of an iteration, under Ziegler's names. */
export function updateMetrics(
  updates: readonly UpdateMetrics[],
  ptxCoefficient: number,
): Readonly<Record<string, number>> {
  const [first] = updates as readonly [UpdateMetrics, ...UpdateMetrics[]];
  const meanOf = (key: keyof UpdateMetrics) => mean(updates.map((update) => update[key] as number));
  const ratio = meanOf("meanRatio");
  return {
    "ppo/loss/policy": meanOf("policyLoss"),
    "ppo/loss/value": meanOf("valueLoss"),
    "ppo/loss/total": meanOf("policyTotalLoss") + meanOf("valueLoss"),
    "ppo/policy/entropy": meanOf("entropy"),
    "ppo/policy/approxkl": meanOf("approxKl"),
    "ppo/policy/approxkl_k3": meanOf("approxKlK3"),
    "ppo/policy/clipfrac": meanOf("clipFraction"),
    "ppo/policy/ratio": ratio,
    "ppo/policy/ratio_var": mean(updates.map(({ meanRatio }) => (meanRatio - ratio) ** 2)),
    "ppo/policy/grad_norm": meanOf("policyGradNorm"),
    "ppo/val/vpred": meanOf("meanValue"),
    "ppo/val/error": meanOf("valueError"),
    "ppo/val/clipfrac": meanOf("valueClipFraction"),
    "ppo/val/grad_norm": meanOf("valueGradNorm"),
    // The policy has not moved in the first minibatch: what differs is the sampler's arithmetic.
    rollout_probs_diff: first.probsDifference,
    rollout_probs_diff_max: first.probsDifferenceMax,
    ...(first.ptxLoss === undefined
      ? {}
      : {
          "ptx/loss": meanOf("ptxLoss"),
          "ptx/coef": ptxCoefficient,
          "ptx/grad_norm_ratio": meanOf("ptxGradNormRatio"),
        }),
  };
}

/** Milliseconds at the beginning, after the rollout, after rewards, after the updates. */
export type PhaseTimes = readonly [start: number, rollout: number, score: number, update: number];

/** Seconds, tokens a second, memory. @param trainedTokens - real tokens that went through the policy in updates */
export function paceMetrics(
  [start, rollout, score, update]: PhaseTimes,
  episodes: readonly Episode[],
  trainedTokens: number,
): Readonly<Record<string, number>> {
  const seconds = (from: number, to: number) => (to - from) / 1000;
  const sampled = episodes.reduce((total, { responseIds }) => total + responseIds.length, 0);
  const perSecond = (count: number, duration: number) => (duration > 0 ? count / duration : 0);
  return {
    "elapsed/rollout": seconds(start, rollout),
    "elapsed/score": seconds(rollout, score),
    "elapsed/update": seconds(score, update),
    "elapsed/iteration": seconds(start, update),
    "elapsed/fps": perSecond(sampled, seconds(start, update)),
    "tokens_per_second/rollout": perSecond(sampled, seconds(start, rollout)),
    "tokens_per_second/update": perSecond(trainedTokens, seconds(score, update)),
    episodes_per_second: perSecond(episodes.length, seconds(start, update)),
    "memory/peak_resident_bytes": peakResidentBytes(),
  };
}
