/** What a batch of rankings says of the reward model, computed on the host from its scores. */
import type { RankedPair } from "@alignkit/data";

/** Sums that add up over micro-batches, so that metrics are those of the whole step. */
export interface RankingCounts {
  readonly responses: number;
  /** Untied ones. */
  readonly pairs: number;
  /** Pairs whose better response scores higher. */
  readonly correct: number;
  /** Sum over pairs of the better score minus the other. */
  readonly margin: number;
  /** Sum over responses. */
  readonly reward: number;
  readonly minReward: number;
  readonly maxReward: number;
}

/** Of no ranking at all; where adding up begins. */
export const noCounts: RankingCounts = {
  responses: 0,
  pairs: 0,
  correct: 0,
  margin: 0,
  reward: 0,
  minReward: Number.POSITIVE_INFINITY,
  maxReward: Number.NEGATIVE_INFINITY,
};

/**
 * Counts of one batch. A pair with equal scores is wrong, as in TRL.
 * @param scores - of all responses, padding left out
 */
export function countRankings(scores: ArrayLike<number>, pairs: readonly RankedPair[]): RankingCounts {
  let { correct, margin, reward, minReward, maxReward } = noCounts;
  for (const { better, worse } of pairs) {
    const difference = (scores[better] as number) - (scores[worse] as number);
    if (difference > 0) correct += 1;
    margin += difference;
  }
  for (let index = 0; index < scores.length; index++) {
    const score = scores[index] as number;
    reward += score;
    minReward = Math.min(minReward, score);
    maxReward = Math.max(maxReward, score);
  }
  return { responses: scores.length, pairs: pairs.length, correct, margin, reward, minReward, maxReward };
}

/** Counts of two parts of the data together. */
export function addCounts(a: RankingCounts, b: RankingCounts): RankingCounts {
  return {
    responses: a.responses + b.responses,
    pairs: a.pairs + b.pairs,
    correct: a.correct + b.correct,
    margin: a.margin + b.margin,
    reward: a.reward + b.reward,
    minReward: Math.min(a.minReward, b.minReward),
    maxReward: Math.max(a.maxReward, b.maxReward),
  };
}

/** Names as in TRL's `RewardTrainer`: accuracy and margin over pairs, rewards over responses. */
export function rankingMetrics(counts: RankingCounts): Readonly<Record<string, number>> {
  return {
    accuracy: counts.correct / counts.pairs,
    margin: counts.margin / counts.pairs,
    mean_reward: counts.reward / counts.responses,
    min_reward: counts.minReward,
    max_reward: counts.maxReward,
  };
}
