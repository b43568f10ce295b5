import { type Backend, ConfigError } from "@alignkit/core";
import { type AnsweredPrompt, createAnswerEncoder, type EncodedAnswer, type Prompt } from "@alignkit/data";
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
  const encodeAgain =
    sharesTokenizer || rewardModel?.tokenizer === undefined
      ? undefined
      : createAnswerEncoder(rewardModel.tokenizer);
  const scoresOf =
    rewardModel === undefined ? undefined : createEpisodeScorer(backend, rewardModel.config, options);

  async function score(
    episodes: readonly Episode[],
    texts: {
      readonly prompts: readonly string[];
      readonly responses: readonly string[];
      /** Where the prompts come from. */
      readonly records: readonly Prompt[];
    },
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
      encodeAgain === undefined
        ? read
        : read.map((episode, index) =>
            inOwnIds(rewardModel.config.maxPositions, encodeAgain, episode, {
              record: texts.records[index],
              prompt: texts.prompts[index] as string,
              answer: texts.responses[index] as string,
              isEnded: episode.finished,
            }),
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

/** The same text in the reward model's own ids, by its own chat template; its end token stands where the policy's did. */
function inOwnIds(
  maxPositions: number,
  encodeAgain: (request: AnsweredPrompt) => EncodedAnswer,
  episode: Episode,
  request: AnsweredPrompt,
): Episode {
  const { prompt, answer } = encodeAgain(request);
  const length = prompt.length + answer.length;
  if (length > maxPositions)
    throw new ConfigError(
      `a prompt of ${prompt.length} tokens with its response of ${answer.length}, in the reward model's own ids, exceeds its ${maxPositions} positions; lower max_prompt_length or response_length`,
    );
  return { ...episode, promptIds: Int32Array.from(prompt), responseIds: Int32Array.from(answer) };
}
