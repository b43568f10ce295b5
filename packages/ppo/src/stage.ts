import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Checkpoint,
  ConfigError,
  checkpointTensors,
  type DirectoryArtifact,
  defineStage,
  type Optimizer,
  readAll,
  type Schedule,
  type StageContext,
  savedOptimizer,
  shouldCheckpoint,
  stopIfInterrupted,
  uploadAll,
} from "@alignkit/core";
import {
  eachRecord,
  promptsArtifact,
  type RecordStore,
  startOfData,
  textsArtifact,
  withRecordStore,
} from "@alignkit/data";
import {
  adamWSettings,
  createModelOptimizer,
  createSharedWeights,
  type ParameterValue,
  parameterValues,
  policyArtifact,
  rewardModelArtifact,
  type SharedWeights,
  scheduleOf,
  trainedOf,
  writeModelDirectory,
} from "@alignkit/models";
import { checkSettings, type PpoConfig, ppoConfig } from "./config.js";
import { createWeightAverage } from "./ema.js";
import { trlMetricNames } from "./metric-names.js";
import {
  checkReaders,
  describeModel,
  freeze,
  type LoadedModel,
  loadModel,
  sameTokenizer,
  stopTokens,
  valueModelFromPolicy,
  withAdapter,
} from "./models.js";
import { planPpo } from "./plan.js";
import { ppoPresets } from "./presets.js";
import { loadPrompts, loadTexts, orderOf } from "./prompts-and-texts.js";
import type { NamedReward } from "./reward-function.js";
import { checkRewardNames, loadRewards } from "./reward-modules.js";
import { createPpoTrainer, type PpoParts, type PpoState, type SampledEpisode } from "./train.js";

/** What the checkpoint keeps besides tensors. */
interface SavedState {
  readonly ppo: PpoState;
  readonly policySteps: number;
  readonly valueSteps: number;
  readonly samples: readonly (SampledEpisode & { readonly step: number })[];
}

/** Inputs of the stage. */
export interface PpoInputs {
  /** Where the policy starts. */
  readonly init: DirectoryArtifact;
  /** What the KL is measured against; by default a frozen copy of `init`. */
  readonly reference?: DirectoryArtifact;
  readonly rewardModel?: DirectoryArtifact;
  /** Where the value model starts; by default the reward model, as in the paper. It reads the policy's ids. */
  readonly valueModel?: DirectoryArtifact;
  readonly prompts?: DirectoryArtifact;
  readonly texts?: DirectoryArtifact;
}

/**
 * The PPO stage.
 * @param rewards - reward functions, added to the score of the reward model, or instead of one
 */
export function ppoStage(rewards: readonly NamedReward[] = []) {
  return defineStage({
    name: "ppo",
    description: "Reinforcement learning from a reward model: PPO, with pretraining text PPO-ptx",
    config: ppoConfig,
    presets: ppoPresets,
    consumes: { init: policyArtifact },
    optionalConsumes: {
      reference: policyArtifact,
      rewardModel: rewardModelArtifact,
      valueModel: rewardModelArtifact,
      prompts: promptsArtifact,
      texts: textsArtifact,
    },
    produces: { policy: policyArtifact },
    metricNames: { trl: trlMetricNames },
    run: (context, config, inputs) =>
      withRecordStore(context.directory, (store) =>
        runPpo(context, config, inputs as PpoInputs, rewards, store),
      ),
    plan: (context, config, inputs) => planPpo(context, config, inputs as Partial<PpoInputs>),
  });
}

async function runPpo(
  context: StageContext,
  config: PpoConfig,
  inputs: PpoInputs,
  given: readonly NamedReward[],
  store: RecordStore,
) {
  // 1. Models, data and state: new, or as the last checkpoint left them.
  checkSettings(config);
  const rewards = [...given, ...(await loadRewards(config.reward_functions, context.resolvePath(".")))];
  checkRewardNames(rewards);
  const iterations = Math.ceil(config.total_episodes / config.batch_size);
  const { parts, state, shared } = await prepare(context, config, inputs, rewards, iterations, store);
  const trainer = createPpoTrainer(parts);
  const samples = [...(state?.samples ?? [])];
  let ppo: PpoState = state?.ppo ?? {
    iteration: 0,
    klCoefficient: config.kl_coef,
    prompts: startOfData,
    texts: startOfData,
    steps: { serial: 0, total: 0 },
  };

  const save = () =>
    context.checkpoints.save(ppo.iteration, {
      tensors: {
        ...checkpointTensors("policy", parts.policy),
        ...checkpointTensors("value", parts.value),
        ...(parts.average === undefined ? {} : { average: parts.average.parameters }),
      },
      state: {
        ppo,
        policySteps: parts.policy.step,
        valueSteps: parts.value.step,
        samples,
      } satisfies SavedState,
    });

  try {
    // 2. Iterations.
    const task = context.progress.start(iterations, "iterations", context.name, ppo.iteration);
    while (ppo.iteration < iterations) {
      const result = await trainer.next(ppo);
      ppo = result.state;
      context.tracker.log(ppo.iteration, result.metrics);
      const kl = result.metrics["objective/kl"] as number;
      task.advance(
        1,
        `score ${(result.metrics["objective/score"] as number).toFixed(3)}, KL ${kl.toFixed(2)}`,
      );
      if (ppo.iteration === 1 || ppo.iteration === iterations)
        samples.push(...result.samples.map((sample) => ({ step: ppo.iteration, ...sample })));
      const overBudget = config.max_kl !== null && kl > config.max_kl;
      if (shouldCheckpoint(ppo.iteration, config.save_steps)) await save();
      if (overBudget) {
        context.logger.warn(
          `the KL of ${kl.toFixed(2)} nats per episode is over max_kl ${config.max_kl}; training ends at iteration ${ppo.iteration} of ${iterations}`,
        );
        break;
      }
      if (ppo.iteration < iterations) await stopIfInterrupted(context.signal, ppo.iteration, save);
    }
    task.done();

    // 3. The policy, averaged if asked for, as a model directory.
    const directory = await writePolicy(context, parts);
    await writeFile(
      join(context.directory, "samples.jsonl"),
      samples.map((sample) => `${JSON.stringify(sample)}\n`).join(""),
    );
    return { policy: { directory } };
  } finally {
    await release(parts, trainer, shared);
  }
}

async function writePolicy(context: StageContext, { policyModel, policy, average }: PpoParts) {
  const { config, generationConfig, files } = policyModel;
  const parameters = parameterValues(await readAll({ ...policy.parameters, ...average?.parameters }));
  const directory = context.artifactDirectory("policy");
  await writeModelDirectory(
    directory,
    { config, head: "language_model", parameters, generationConfig },
    { files, overwrite: true },
  );
  return directory;
}

/** Everything on the backend; host copies of the weights are garbage when it returns. */
async function prepare(
  context: StageContext,
  config: PpoConfig,
  inputs: PpoInputs,
  rewards: readonly NamedReward[],
  iterations: number,
  store: RecordStore,
): Promise<{
  readonly parts: PpoParts;
  readonly state: SavedState | undefined;
  readonly shared: SharedWeights;
}> {
  const { backend, random, now } = context;
  if (inputs.rewardModel === undefined && rewards.length === 0) {
    throw new ConfigError(
      "ppo: there is nothing to learn from; give a rewardModel, reward_functions, or in code ppo({ rewards: [...] })",
    );
  }
  const saved = await context.checkpoints.latest();
  const state = saved?.state as SavedState | undefined;
  // Models of one base have its weights once, on the host and on the backend.
  const known = new Map<string, ParameterValue>();
  const shared = createSharedWeights(backend);
  const load = async (input: DirectoryArtifact | undefined) =>
    input === undefined ? undefined : await loadModel(input.directory, known);
  const policyModel = withAdapter(
    await loadModel(inputs.init.directory, known),
    config,
    random.split("policy adapter"),
  );
  const referenceModel = (await load(inputs.reference)) ?? policyModel;
  const rewardModel = await load(inputs.rewardModel);
  const sharesTokenizer = rewardModel === undefined || sameTokenizer(policyModel, rewardModel);
  if (!sharesTokenizer && policyModel.tokenizer === undefined)
    throw new ConfigError(
      `ppo: the policy (${policyModel.directory}) has no tokenizer, so there is no text for the reward model, whose ids are others; add tokenizer.json to its directory`,
    );
  const valueModel = withAdapter(
    (await load(inputs.valueModel)) ?? valueModelWithoutOwn(context, policyModel, rewardModel),
    config,
    random.split("value adapter"),
  );
  if (!sameTokenizer(policyModel, valueModel))
    throw new ConfigError(
      `ppo: the tokenizer of the value model (${valueModel.directory}) is not the policy's, whose ids it reads; start it from another model`,
    );

  const prompts = await loadPrompts(context, config, inputs, policyModel, store);
  const texts = await loadTexts(context, config, inputs, policyModel, store);
  let longestPrompt = 0;
  for (const { inputIds } of eachRecord(prompts)) longestPrompt = Math.max(longestPrompt, inputIds.length);
  checkReaders(
    policyModel,
    {
      reference: referenceModel,
      "value model": valueModel,
      ...(sharesTokenizer && rewardModel !== undefined ? { "reward model": rewardModel } : {}),
    },
    longestPrompt + config.response_length,
  );
  const minibatch = config.batch_size / config.num_mini_batches;
  const average =
    config.ema_decay === null
      ? undefined
      : createWeightAverage(
          backend,
          config.ema_decay,
          await uploadAll(
            backend,
            saved?.tensors.average ?? trainedOf(policyModel.config, "language_model", policyModel.parameters),
          ),
        );
  const parts: PpoParts = {
    backend,
    config,
    random: random.split("ppo"),
    now,
    policyModel: describeModel(policyModel),
    valueModel: describeModel(valueModel),
    policy: await optimizerOf(context, config, policyModel, shared, saved, "policy", state?.policySteps),
    value: await optimizerOf(context, config, valueModel, shared, saved, "value", state?.valueSteps),
    reference: await freeze(shared, referenceModel),
    referenceIsStart: inputs.reference === undefined || inputs.reference.directory === inputs.init.directory,
    rewardModel:
      rewardModel === undefined
        ? undefined
        : { ...(await freeze(shared, rewardModel)), tokenizer: rewardModel.tokenizer },
    sharesTokenizer,
    rewards,
    average,
    prompts,
    promptOrder: orderOf(prompts.length, config.batch_size, random.split("prompts"), config.shuffle),
    texts,
    textOrder:
      texts.length === 0 || config.ptx_coef === 0
        ? undefined
        : orderOf(
            texts.length,
            Math.max(1, Math.round(minibatch * config.ptx_ratio)),
            random.split("texts"),
            config.shuffle,
          ),
    stopTokenIds: config.truncate_token_id === null ? stopTokens(policyModel) : [],
    padTokenId: policyModel.config.padTokenId ?? 0,
    policySchedule: scheduleFor(config, iterations, config.learning_rate),
    valueSchedule: scheduleFor(config, iterations, config.value_learning_rate),
  };
  return { parts, state, shared };
}

/** The reward model where it reads the policy's ids (paper, C.4), else the policy under a fresh head. */
function valueModelWithoutOwn(
  { random, logger }: StageContext,
  policyModel: LoadedModel,
  rewardModel: LoadedModel | undefined,
): LoadedModel {
  if (rewardModel !== undefined && sameTokenizer(policyModel, rewardModel)) return rewardModel;
  if (rewardModel !== undefined)
    logger.warn(
      "the reward model has a tokenizer of its own, so the value model, which reads the policy's ids, starts from the policy; give a valueModel to start elsewhere",
    );
  return valueModelFromPolicy(policyModel, random.split("value head"));
}

/** Rates count iterations, not steps. */
function scheduleFor(config: PpoConfig, iterations: number, peak: number): Schedule {
  return { ...scheduleOf(config, iterations), peak, warmupStartRatio: config.warmup_start_ratio };
}

function optimizerOf(
  { backend }: StageContext,
  config: PpoConfig,
  model: LoadedModel,
  shared: SharedWeights,
  saved: Checkpoint | undefined,
  group: "policy" | "value",
  step: number | undefined,
): Promise<Optimizer> {
  const start = saved === undefined || step === undefined ? undefined : savedOptimizer(saved, group, step);
  const { head, parameters } = model;
  const beginning = { config: model.config, head, initialize: () => parameterValues(parameters) };
  return createModelOptimizer(backend, adamWSettings(config), beginning, shared, start);
}

async function release(
  parts: PpoParts,
  trainer: { dispose(): Promise<void> },
  shared: SharedWeights,
): Promise<void> {
  await trainer.dispose();
  await parts.policy.dispose();
  await parts.value.dispose();
  await parts.average?.dispose();
  shared.dispose();
}
