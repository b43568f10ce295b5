import { type Backend, ConfigError } from "@alignkit/core";
import type { Tokenizer } from "@alignkit/tokenizer";
import { type Episode, scoredPart } from "./episode.js";
import { createEpisodeScorer, type EvaluateOptions } from "./evaluate.js";
import type { FrozenModel, ModelDescription } from "./models.js";
import { mean } from "./response-metrics.js";
import { type NamedReward, sumOfRewards } from "./reward-function.js";

export type RewardModel = FrozenModel & Pick<ModelDescription, "tokenizer">;

export interface ScoreSources {
  readonly rewardModel: RewardModel | undefined;
  readonly rewardModelWeight: number;
  /** Whether the reward model reads the policy's ids; else text is encoded anew for it. */
  readonly sharesTokenizer: boolean;
  readonly rewards: readonly NamedReward[];
}

export interface Scored {
  /** One per episode: the weighted sum of all that there is. */
  readonly scores: readonly number[];
  readonly metrics: Readonly<Record<string, number>>;
}

/** Scores of episodes: of the reward model at the last token of the text, and of reward functions. */
export function createScores(
  backend: Backend,
  { rewardModel, rewardModelWeight, sharesTokenizer, rewards }: ScoreSources,
  options: EvaluateOptions,
) {
  if (!sharesTokenizer && rewardModel?.tokenizer === undefined)
    throw new ConfigError(
      "ppo: the reward model has no tokenizer of its own and that of the policy differs; add tokenizer.json to its directory",
    );
  const scoresOf =
    rewardModel === undefined ? undefined : createEpisodeScorer(backend, rewardModel.config, options);

  async function score(
    episodes: readonly Episode[],
    texts: { readonly prompts: readonly string[]; readonly responses: readonly string[] },
  ): Promise<Scored> {
    const read = episodes.map(scoredPart);
    const fromFunctions = await sumOfRewards(rewards, {
      ...texts,
      promptIds: read.map(({ promptIds }) => promptIds),
      responseIds: read.map(({ responseIds }) => responseIds),
    });
    if (rewardModel === undefined || scoresOf === undefined) return fromFunctions;
    const fromModel = await scoresOf(
      rewardModel.parameters,
      sharesTokenizer
        ? read
        : read.map((episode, index) =>
            encodeAgain(
              rewardModel.config.maxPositions,
              rewardModel.tokenizer as Tokenizer,
              episode,
              texts.prompts[index] as string,
              texts.responses[index] as string,
            ),
          ),
    );
    return {
      scores: fromModel.map(
        (own, index) => rewardModelWeight * own + (fromFunctions.scores[index] as number),
      ),
      metrics: {
        ...fromFunctions.metrics,
        ...(rewards.length > 0 ? { "reward/model": mean(fromModel) } : {}),
      },
    };
  }

  return { score, dispose: async () => scoresOf?.dispose() };
}

/** The same text in the reward model's own ids; its end token stands where the policy's did. */
function encodeAgain(
  maxPositions: number,
  tokenizer: Tokenizer,
  episode: Episode,
  prompt: string,
  response: string,
): Episode {
  const promptIds = tokenizer.encode(prompt);
  const responseIds = tokenizer.encode(response, { addSpecialTokens: false });
  if (episode.finished && tokenizer.eosTokenId !== undefined) responseIds.push(tokenizer.eosTokenId);
  const length = promptIds.length + responseIds.length;
  if (length > maxPositions)
    throw new ConfigError(
      `a prompt of ${promptIds.length} tokens with its response of ${responseIds.length}, in the reward model's own ids, exceeds its ${maxPositions} positions; lower max_prompt_length or response_length`,
    );
  return { ...episode, promptIds: Int32Array.from(promptIds), responseIds: Int32Array.from(responseIds) };
}
