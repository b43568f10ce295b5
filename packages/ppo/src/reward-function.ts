import { ConfigError } from "@alignkit/core";

/** What a reward function sees of a batch; one entry per episode everywhere. */
export interface RewardRequest {
  readonly prompts: readonly string[];
  /** Without special tokens. */
  readonly responses: readonly string[];
  readonly promptIds: readonly Int32Array[];
  readonly responseIds: readonly Int32Array[];
}

/** Scores responses: a rule, a program, a service. Higher is better. */
export type RewardFunction = (request: RewardRequest) => Promise<readonly number[]> | readonly number[];

/** A reward function with its name for metrics and its weight in the sum. */
export interface NamedReward {
  readonly name: string;
  readonly score: RewardFunction;
  /** Default 1. */
  readonly weight?: number;
}

/**
 * Weighted sum of the rewards, and the mean of each as `reward/<name>`.
 * @throws {ConfigError} when a function gives the wrong number of scores or one that is not finite
 */
export async function sumOfRewards(
  rewards: readonly NamedReward[],
  request: RewardRequest,
): Promise<{ readonly scores: readonly number[]; readonly metrics: Readonly<Record<string, number>> }> {
  const count = request.responses.length;
  const scores = new Array<number>(count).fill(0);
  const metrics: Record<string, number> = {};
  for (const { name, score, weight = 1 } of rewards) {
    const given = await score(request);
    if (given.length !== count)
      throw new ConfigError(
        `reward "${name}" gave ${given.length} scores for ${count} responses; it must give one for each`,
      );
    for (const [index, value] of given.entries()) {
      if (!Number.isFinite(value))
        throw new ConfigError(
          `reward "${name}" gave ${value} for response ${index} (${JSON.stringify(request.responses[index])}); it must be a finite number`,
        );
      scores[index] = (scores[index] as number) + weight * value;
    }
    metrics[`reward/${name}`] = given.reduce((total, value) => total + value, 0) / count;
  }
  return { scores, metrics };
}
