/**
 * Mean score of a reward model on what a policy answers to validation prompts: what the paper chose its SFT models by
 * (Ouyang et al. 2022, appendix C.1).
 */
import {
  type Backend,
  ConfigError,
  type DeviceTensor,
  type DirectoryArtifact,
  disposeAll,
  type Random,
  uploadAll,
} from "@alignkit/core";
import { createAnswerEncoder, type Prompt, type TokenizedPrompt } from "@alignkit/data";
import {
  createGenerator,
  createRewardScorer,
  type Generation,
  hostTensors,
  type ModelConfig,
  readModelDirectory,
  readTokenizerFiles,
} from "@alignkit/models";
import { type Tokenizer, tokenizerOf } from "@alignkit/tokenizer";

type Parameters = Readonly<Record<string, DeviceTensor>>;

export interface ValidationReward {
  /** Mean score of responses under these weights of the policy; the same weights give the same. */
  score(parameters: Parameters): Promise<number>;
  dispose(): Promise<void>;
}

export interface ValidationRewardOptions {
  readonly backend: Backend;
  readonly policy: {
    readonly config: ModelConfig;
    readonly files: ReadonlyMap<string, Uint8Array>;
    readonly tokenizer: Tokenizer | undefined;
  };
  readonly rewardModel: DirectoryArtifact;
  /** At least one. */
  readonly prompts: readonly (Pick<TokenizedPrompt, "inputIds"> & { readonly record?: Prompt })[];
  readonly responseLength: number;
  /** 0 is greedy. */
  readonly temperature: number;
  readonly random: Random;
}

export async function createValidationReward(options: ValidationRewardOptions): Promise<ValidationReward> {
  const { backend, policy, rewardModel, prompts, temperature, responseLength, random } = options;
  const { config, head, parameters: weights } = await readModelDirectory(rewardModel.directory);
  if (head !== "scalar") {
    throw new ConfigError(`${rewardModel.directory}: holds a model with a ${head} head; give a reward model`);
  }
  const encode = encoderFor(policy, await readTokenizerFiles(rewardModel.directory), rewardModel.directory);
  const parameters = await uploadAll(backend, hostTensors(weights));
  const scorer = createRewardScorer(backend, config, parameters);
  const promptIds = prompts.map(({ inputIds }) => Array.from(inputIds));
  const end = policy.tokenizer?.eosTokenId;
  const stopTokenIds = [...new Set([...policy.config.eosTokenIds, ...(end === undefined ? [] : [end])])];
  return {
    async score(policyParameters) {
      // What is compiled for generation may keep weights in a form of its own: made anew for new weights.
      const generator = createGenerator(backend, policy.config, policyParameters);
      try {
        const responses = await generator.generate(
          promptIds,
          { maxNewTokens: responseLength, temperature, stopTokenIds },
          random.split("responses"),
        );
        const rows = responses.map((response, index) =>
          encode(promptIds[index] as number[], response, prompts[index]?.record),
        );
        const scores = await scorer.scores(rows);
        return scores.reduce((total, score) => total + score, 0) / scores.length;
      } finally {
        await generator.dispose();
      }
    },
    async dispose() {
      await scorer.dispose();
      disposeAll(parameters);
    },
  };
}

/** Prompt and response as the reward model reads them: the same ids, or the same text in ids of its own tokenizer. */
function encoderFor(
  { files, tokenizer }: ValidationRewardOptions["policy"],
  own: ReadonlyMap<string, Uint8Array>,
  directory: string,
): (prompt: readonly number[], response: Generation, record: Prompt | undefined) => number[] {
  const [ours, theirs] = [files, own].map((given) => given.get("tokenizer.json"));
  const same =
    ours === undefined ? theirs === undefined : theirs !== undefined && Buffer.compare(ours, theirs) === 0;
  if (same) return (prompt, { ids }) => [...prompt, ...ids];
  const other = tokenizerOf(own, directory);
  if (tokenizer === undefined || other === undefined) {
    throw new ConfigError(
      `${directory}: the policy and the reward model have different tokenizers, and one has no tokenizer.json; add it`,
    );
  }
  const textOf = (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecialTokens: true });
  const encodeAgain = createAnswerEncoder(other);
  return (ids, response, record) => {
    const isEnded = response.finishReason === "stop";
    const { prompt, answer } = encodeAgain({
      record,
      prompt: textOf(ids),
      answer: textOf(response.ids),
      isEnded,
    });
    return [...prompt, ...answer];
  };
}
