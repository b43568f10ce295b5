import type { PlanContext, StagePlan } from "@alignkit/core";
import { type Head, parameterShapes, readModelConfig, readTokenizerFiles } from "@alignkit/models";
import { createTokenizer } from "@alignkit/tokenizer";
import type { PpoConfig } from "./config.js";
import { sameTokenizer } from "./models.js";
import { loadPrompts, loadTexts } from "./prompts-and-texts.js";
import { checkRewardNames, loadRewards } from "./reward-modules.js";
import type { PpoInputs } from "./stage.js";

const bytesPerFloat = 4;
type TokenizerFiles = Awaited<ReturnType<typeof readTokenizerFiles>>;

async function parameterBytes(directory: string, head: Head): Promise<number> {
  let count = 0;
  for (const shape of parameterShapes(await readModelConfig(directory), head).values())
    count += shape.reduce((size, axis) => size * axis, 1);
  return count * bytesPerFloat;
}

/** Steps and memory of a PPO run, before it starts; what an earlier stage has yet to make is left out. */
export async function planPpo(
  context: PlanContext,
  config: PpoConfig,
  inputs: Partial<PpoInputs>,
): Promise<StagePlan> {
  const iterations = Math.ceil(config.total_episodes / config.batch_size);
  const rewards = await loadRewards(config.reward_functions, context.resolvePath("."));
  checkRewardNames(rewards);
  const notes = [
    `${iterations} iterations of ${config.batch_size} episodes, ${config.num_ppo_epochs * config.num_mini_batches} steps each`,
  ];
  if (rewards.length > 0) notes.push(`reward functions: ${rewards.map(({ name }) => name).join(", ")}`);
  if (inputs.init === undefined)
    return { steps: iterations, notes: [...notes, "the policy comes from an earlier stage"] };
  const policyConfig = await readModelConfig(inputs.init.directory);
  if (config.prompt_files !== null || inputs.prompts !== undefined) {
    const files = await readTokenizerFiles(inputs.init.directory);
    const policy = {
      config: policyConfig,
      tokenizer: files.has("tokenizer.json") ? createTokenizer(files) : undefined,
    };
    const prompts = await loadPrompts(context, config, inputs, policy);
    const texts = await loadTexts(context, config, inputs, policy);
    notes.push(
      `${prompts.length} prompts`,
      texts.length === 0 ? "no pretraining texts: PPO" : `${texts.length} pretraining texts: PPO-ptx`,
    );
  }
  return { steps: iterations, memory: await memoryOf(config, inputs as PpoInputs), notes };
}

/** Of the value model: given, or the reward model where it reads the policy's ids, or about those of the policy. */
async function valueBytes(inputs: PpoInputs, policy: number, reward: number): Promise<number> {
  if (inputs.valueModel !== undefined) return parameterBytes(inputs.valueModel.directory, "scalar");
  if (inputs.rewardModel === undefined) return policy;
  const [own, other] = await Promise.all(
    [inputs.init, inputs.rewardModel].map(({ directory }) => readTokenizerFiles(directory)),
  );
  return sameTokenizer({ files: own as TokenizerFiles }, { files: other as TokenizerFiles })
    ? reward
    : policy;
}

/** Bytes by what they hold. */
async function memoryOf(config: PpoConfig, inputs: PpoInputs): Promise<Readonly<Record<string, number>>> {
  const policy = await parameterBytes(inputs.init.directory, "language_model");
  const reward =
    inputs.rewardModel === undefined ? 0 : await parameterBytes(inputs.rewardModel.directory, "scalar");
  const value = await valueBytes(inputs, policy, reward);
  const { hiddenSize, layers, attention, vocabularySize, maxPositions } = await readModelConfig(
    inputs.init.directory,
  );
  const length = Math.min(config.max_prompt_length + config.response_length, maxPositions);
  const rows = config.per_device_train_batch_size;
  // Kept for the backward pass: about 16 widths per token and layer, attention weights, logits of response tokens.
  const kept =
    layers * (16 * hiddenSize * length + attention.heads * length * length) +
    2 * config.response_length * vocabularySize;
  const cacheWidth = attention.keyValueHeads * attention.headDimension;
  return {
    "policy weights": policy,
    "policy gradients": policy,
    "policy optimizer": 2 * policy,
    ...(config.ema_decay === null ? {} : { "policy average": policy }),
    "reference weights":
      inputs.reference === undefined
        ? policy
        : await parameterBytes(inputs.reference.directory, "language_model"),
    ...(reward === 0 ? {} : { "reward model weights": reward }),
    "value weights": value,
    "value gradients": value,
    "value optimizer": 2 * value,
    "decoding weights": policy,
    "key/value cache, at most":
      2 * layers * cacheWidth * length * config.generation_batch_size * bytesPerFloat,
    "activations, at most": rows * kept * bytesPerFloat,
  };
}
