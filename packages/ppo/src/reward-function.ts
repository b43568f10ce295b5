import { ConfigError } from "@alignkit/core";

/** A batch in the policy's ids; one entry per episode. */
export interface RewardTokens {
  readonly promptIds: readonly Int32Array[];
  /** As far as they are scored. */
  readonly responseIds: readonly Int32Array[];
}

/**
 * Scores responses: a rule, a program, a service. Higher is better.
 * @param prompts - texts, without special tokens
 * @param responses - texts, without special tokens
 * @returns one finite number for each response
 */
export type RewardFunction = (
  prompts: readonly string[],
  responses: readonly string[],
  tokens: RewardTokens,
) => Promise<readonly number[]> | readonly number[];

/** A reward function with its name for metrics and its weight in the sum. */
export interface NamedReward {
  readonly name: string;
  readonly score: RewardFunction;
  /** Default 1. */
  readonly weight?: number;
}

/** What is scored. */
export interface RewardRequest extends RewardTokens {
  readonly prompts: readonly string[];
  readonly responses: readonly string[];
}

/**
 * Weighted sum of the rewards, and the mean of each as `reward/<name>`.
 * @throws {ConfigError} when a function throws, gives the wrong number of scores or one that is not finite
 */
export async function sumOfRewards(
  rewards: readonly NamedReward[],
  request: RewardRequest,
): Promise<{ readonly scores: readonly number[]; readonly metrics: Readonly<Record<string, number>> }> {
  const count = request.responses.length;
  const scores = new Array<number>(count).fill(0);
  const metrics: Record<string, number> = {};
  // All at once: a service may take its time.
  const all = await Promise.all(rewards.map((reward) => scoresOf(reward, request)));
  for (const [at, { name, weight = 1 }] of rewards.entries()) {
    const given = all[at] as readonly number[];
    for (const [index, value] of given.entries()) scores[index] = (scores[index] as number) + weight * value;
    metrics[`reward/${name}`] = given.reduce((total, value) => total + value, 0) / count;
  }
  return { scores, metrics };
}

async function scoresOf(
  { name, score }: NamedReward,
  { prompts, responses, promptIds, responseIds }: RewardRequest,
): Promise<readonly number[]> {
  let given: unknown;
  try {
    given = await score(prompts, responses, { promptIds, responseIds });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`reward "${name}" failed: ${reason}`, { cause });
  }
  if (!Array.isArray(given) && !ArrayBuffer.isView(given))
    throw new ConfigError(
      `reward "${name}" gave ${given === null ? "null" : typeof given}; it must give a list of numbers, one for each response`,
    );
  const values = Array.from(given as ArrayLike<number>);
  if (values.length !== responses.length)
    throw new ConfigError(
      `reward "${name}" gave ${values.length} scores for ${responses.length} responses; it must give one for each`,
    );
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0)
    throw new ConfigError(
      `reward "${name}" gave ${values[wrong]} for response ${wrong} (${JSON.stringify(responses[wrong])}); it must be a finite number`,
    );
  return values;
}
