import { type DirectoryArtifact, type PlanContext, type StagePlan, sizeOf } from "@alignkit/core";
import {
  configToTrain,
  type Head,
  type ModelConfig,
  parameterSpecifications,
  readModelConfig,
  readTokenizerFiles,
  trainingMemory,
} from "@alignkit/models";
import { createTokenizer } from "@alignkit/tokenizer";
import { checkSettings, type PpoConfig } from "./config.js";
import { sameTokenizer } from "./models.js";
import { loadPrompts, loadTexts } from "./prompts-and-texts.js";
import { checkRewardNames, loadRewards } from "./reward-modules.js";
import type { PpoInputs } from "./stage.js";

const bytesPerFloat = 4;

/** Bytes of weights; those of a base that an earlier one has, too, are in memory already. */
function weightCounter() {
  const bases = new Set<string>();
  return (config: ModelConfig, head: Head): number => {
    const base = config.lora?.base;
    const isKnown = base !== undefined && bases.has(base);
    if (base !== undefined) bases.add(base);
    const counted = parameterSpecifications(config, head).filter(({ frozen }) => !(frozen && isKnown));
    return counted.reduce((total, { shape }) => total + sizeOf(shape), 0) * bytesPerFloat;
  };
}

/** Steps and memory of a PPO run, before it starts; what an earlier stage has yet to make is left out. */
export async function planPpo(
  context: PlanContext,
  config: PpoConfig,
  inputs: Partial<PpoInputs>,
): Promise<StagePlan> {
  checkSettings(config);
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
  let withTexts = false;
  if (config.prompt_files !== null || !context.pending.has("prompts")) {
    const files = await readTokenizerFiles(inputs.init.directory);
    const policy = {
      config: policyConfig,
      tokenizer: files.has("tokenizer.json") ? createTokenizer(files) : undefined,
    };
    const prompts = await loadPrompts(context, config, inputs, policy);
    const texts = await loadTexts(context, config, inputs, policy);
    withTexts = texts.length > 0;
    notes.push(
      `${prompts.length} prompts`,
      texts.length === 0 ? "no pretraining texts: PPO" : `${texts.length} pretraining texts: PPO-ptx`,
    );
  }
  return {
    steps: iterations,
    memory: await memoryOf(config, inputs as PpoInputs, withTexts),
    notes,
    outputsLike: { policy: inputs.init },
  };
}

/**
 * Bytes by what they hold. Weights and moments stay; sampling and updates follow each other, so the larger of the two
 * counts, and in an update the larger of policy and value model.
 * @param withTexts - whether it is PPO-ptx
 */
async function memoryOf(
  config: PpoConfig,
  inputs: PpoInputs,
  withTexts: boolean,
): Promise<Readonly<Record<string, number>>> {
  const toTrain = async ({ directory }: DirectoryArtifact) =>
    configToTrain(await readModelConfig(directory), config, directory);
  const policyConfig = await toTrain(inputs.init);
  const valueConfig = await toTrain(await valueStart(inputs));
  const bytesOf = weightCounter();
  const rows = Math.min(config.per_device_train_batch_size, config.batch_size / config.num_mini_batches);
  const accumulates = config.batch_size / config.num_mini_batches > rows;
  const lengthOf = ({ maxPositions }: ModelConfig) =>
    Math.min(config.max_prompt_length + config.response_length, maxPositions);
  const training = (model: ModelConfig, head: Head, length: number, targets: number) =>
    trainingMemory({ config: model, head, rows, length, targets, accumulates });

  const targets = rows * config.response_length;
  const policy = training(policyConfig, "language_model", lengthOf(policyConfig), targets);
  const textLength = Math.min(config.ptx_max_length, policyConfig.maxPositions);
  const texts = training(policyConfig, "language_model", textLength, rows * (textLength - 1));
  const valued = training(valueConfig, "scalar", lengthOf(valueConfig), 0);
  const updating = Math.max(
    policy.gradients + policy.activations,
    withTexts ? policy.parameters + texts.gradients + texts.activations : 0,
    valued.gradients + valued.activations,
  );
  const { keyValueHeads, headDimension } = policyConfig.attention;
  const cache =
    2 * policyConfig.layers * keyValueHeads * headDimension * lengthOf(policyConfig) * bytesPerFloat;
  const sampling = policy.parameters + cache * Math.min(config.generation_batch_size, config.batch_size);
  return {
    "policy weights": bytesOf(policyConfig, "language_model"),
    "policy optimizer": policy.optimizer,
    ...(config.ema_decay === null ? {} : { "policy average": policy.optimizer / 2 }),
    "reference weights": bytesOf(
      inputs.reference === undefined ? policyConfig : await readModelConfig(inputs.reference.directory),
      "language_model",
    ),
    ...(inputs.rewardModel === undefined
      ? {}
      : { "reward model weights": bytesOf(await readModelConfig(inputs.rewardModel.directory), "scalar") }),
    "value weights": bytesOf(valueConfig, "scalar"),
    "value optimizer": valued.optimizer,
    "sampling or updates, at most": Math.max(sampling, updating),
  };
}

/** Where the value model starts: what is given, or the reward model where it reads the policy's ids, or the policy. */
async function valueStart({ init, rewardModel, valueModel }: PpoInputs): Promise<DirectoryArtifact> {
  if (valueModel !== undefined) return valueModel;
  if (rewardModel === undefined) return init;
  const [own, other] = await Promise.all([
    readTokenizerFiles(init.directory),
    readTokenizerFiles(rewardModel.directory),
  ]);
  return sameTokenizer({ files: own }, { files: other }) ? rewardModel : init;
}
