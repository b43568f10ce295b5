import { tmpdir } from "node:os";
import { type DirectoryArtifact, type PlanContext, type StagePlan, sizeOf } from "@alignkit/core";
import { withRecordStore } from "@alignkit/data";
import {
  configToTrain,
  decodingWeightBytes,
  forwardMemory,
  type Head,
  type ModelConfig,
  parameterSpecifications,
  readModelConfig,
  readTokenizerFiles,
  runtimeBytes,
  trainingMemory,
} from "@alignkit/models";
import { tokenizerOf } from "@alignkit/tokenizer";
import { checkSettings, type PpoConfig } from "./config.js";
import { sameTokenizer } from "./models.js";
import { loadPrompts, loadTexts } from "./prompts-and-texts.js";
import { checkRewardNames, loadRewards } from "./reward-modules.js";
import type { PpoInputs } from "./stage.js";

const bytesPerFloat = 4;

const sum = (parts: Readonly<Record<string, number>>): number =>
  Object.values(parts).reduce((total, bytes) => total + bytes, 0);

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
      tokenizer: tokenizerOf(files, inputs.init.directory),
    };
    await withRecordStore(tmpdir(), async (store) => {
      const prompts = await loadPrompts(context, config, inputs, policy, store);
      const texts = await loadTexts(context, config, inputs, policy, store);
      withTexts = texts.length > 0;
      notes.push(
        `${prompts.length} prompts`,
        texts.length === 0 ? "no pretraining texts: PPO" : `${texts.length} pretraining texts: PPO-ptx`,
      );
    });
  }
  return {
    steps: iterations,
    memory: await memoryOf(config, inputs as PpoInputs, withTexts),
    notes,
    outputsLike: { policy: inputs.init },
  };
}

/**
 * Bytes by what they hold at the worst moment. Weights and moments stay; sampling, with its prepared weights and its cache,
 * and updates take turns. The memory of activations is kept for the next batch, so those of updates and of scoring add up.
 * @param withTexts - whether it is PPO-ptx
 */
async function memoryOf(
  config: PpoConfig,
  inputs: PpoInputs,
  withTexts: boolean,
): Promise<Readonly<Record<string, number>>> {
  const toTrain = async ({ directory }: DirectoryArtifact) =>
    configToTrain(await readModelConfig(directory), config, directory);
  const configOf = async (model: DirectoryArtifact | undefined) =>
    model === undefined ? undefined : await readModelConfig(model.directory);
  const policyConfig = await toTrain(inputs.init);
  const valueConfig = await toTrain(await valueStart(inputs));
  const referenceConfig = (await configOf(inputs.reference)) ?? policyConfig;
  const rewardConfig = await configOf(inputs.rewardModel);
  const bytesOf = weightCounter();
  const minibatch = config.batch_size / config.num_mini_batches;
  const rows = Math.min(config.per_device_train_batch_size, minibatch);
  const accumulates = minibatch > rows;
  const passOf = (model: ModelConfig, head: Head) => ({
    config: model,
    head,
    rows,
    length: Math.min(config.max_prompt_length + config.response_length, model.maxPositions),
    targets: rows * config.response_length,
  });
  const policyPass = passOf(policyConfig, "language_model");
  const policy = trainingMemory({ ...policyPass, accumulates });
  const valued = trainingMemory({ ...passOf(valueConfig, "scalar"), accumulates });
  const textLength = Math.min(config.ptx_max_length, policyConfig.maxPositions);
  const textPass = { ...policyPass, length: textLength, targets: rows * (textLength - 1) };
  const texts = withTexts ? trainingMemory({ ...textPass, accumulates: false }) : undefined;
  const scoring =
    forwardMemory(passOf(referenceConfig, "language_model")) +
    forwardMemory(passOf(valueConfig, "scalar")) +
    (rewardConfig === undefined ? 0 : forwardMemory({ ...passOf(rewardConfig, "scalar"), targets: rows }));
  const { keyValueHeads, headDimension } = policyConfig.attention;
  const cacheOfRow = 2 * policyConfig.layers * keyValueHeads * headDimension * policyPass.length;
  const samplingRows = Math.min(config.generation_batch_size, config.batch_size);
  const sampling = {
    "weights for sampling": decodingWeightBytes(policyConfig, samplingRows),
    "key-value cache": cacheOfRow * samplingRows * bytesPerFloat,
  };
  const updates = {
    // Policy and value model take turns; with texts the policy has two gradients.
    gradients: Math.max(policy.gradients + (texts?.gradients ?? 0), valued.gradients),
    "activations of updates": policy.activations + valued.activations + (texts?.activations ?? 0),
    "activations of scoring": scoring,
  };
  return {
    "policy weights": bytesOf(policyConfig, "language_model"),
    "policy optimizer": policy.optimizer,
    ...(config.ema_decay === null ? {} : { "policy average": policy.optimizer / 2 }),
    "reference weights": bytesOf(referenceConfig, "language_model"),
    ...(rewardConfig === undefined ? {} : { "reward model weights": bytesOf(rewardConfig, "scalar") }),
    "value weights": bytesOf(valueConfig, "scalar"),
    "value optimizer": valued.optimizer,
    ...(sum(sampling) > sum(updates) ? sampling : updates),
    "runtime, about": runtimeBytes,
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
