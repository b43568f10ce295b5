import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type AdamWSettings,
  type Checkpoint,
  ConfigError,
  checkpointTensors,
  createOptimizer,
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
import { promptsArtifact, startOfData, textsArtifact } from "@alignkit/data";
import {
  adamWSettings,
  parameterValues,
  policyArtifact,
  rewardModelArtifact,
  scheduleOf,
  writeModelDirectory,
} from "@alignkit/models";
import { type PpoConfig, ppoConfig } from "./config.js";
import { createWeightAverage } from "./ema.js";
import { freeze, type LoadedModel, loadModel, stopTokens, valueModelFromPolicy } from "./models.js";
import { planPpo } from "./plan.js";
import { ppoPresets } from "./presets.js";
import { loadPrompts, loadTexts, orderOf } from "./prompts-and-texts.js";
import type { NamedReward } from "./reward-function.js";
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
      prompts: promptsArtifact,
      texts: textsArtifact,
    },
    produces: { policy: policyArtifact },
    run: (context, config, inputs) => runPpo(context, config, inputs as PpoInputs, rewards),
    plan: (context, config, inputs) => planPpo(context, config, inputs as Partial<PpoInputs>),
  });
}

async function runPpo(
  context: StageContext,
  config: PpoConfig,
  inputs: PpoInputs,
  rewards: readonly NamedReward[],
) {
  checkSizes(config);
  // 1. Models, data and state: new, or as the last checkpoint left them.
  const saved = await context.checkpoints.latest();
  const state = saved?.state as SavedState | undefined;
  const iterations = Math.ceil(config.total_episodes / config.batch_size);
  const { parts, samples: earlier } = await prepare(context, config, inputs, rewards, saved, iterations);
  const trainer = createPpoTrainer(parts);
  const samples = [...earlier];
  let ppo: PpoState = state?.ppo ?? {
    iteration: 0,
    klCoefficient: config.kl_coef,
    prompts: startOfData,
    texts: startOfData,
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

  // 2. Iterations.
  const task = context.progress.start(iterations, "iterations", context.name, ppo.iteration);
  while (ppo.iteration < iterations) {
    const started = context.now();
    const result = await trainer.next(ppo);
    ppo = result.state;
    const seconds = (context.now() - started) / 1000;
    context.tracker.log(ppo.iteration, { ...result.metrics, "elapsed/iteration": seconds });
    const kl = result.metrics["objective/kl"] as number;
    task.advance(1, `score ${(result.metrics["objective/score"] as number).toFixed(3)}, KL ${kl.toFixed(2)}`);
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
  const { config: modelConfig, generationConfig, files } = parts.policyModel;
  const trained = await readAll(parts.average?.parameters ?? parts.policy.parameters);
  const directory = context.artifactDirectory("policy");
  await writeModelDirectory(
    directory,
    { config: modelConfig, head: "language_model", parameters: parameterValues(trained), generationConfig },
    { files, overwrite: true },
  );
  await writeFile(
    join(context.directory, "samples.jsonl"),
    samples.map((sample) => `${JSON.stringify(sample)}\n`).join(""),
  );
  await release(parts, trainer);
  return { policy: { directory } };
}

function checkSizes(config: PpoConfig): void {
  const problems: string[] = [];
  if (config.batch_size % config.num_mini_batches !== 0)
    problems.push(
      `batch_size ${config.batch_size} is not a multiple of num_mini_batches ${config.num_mini_batches}`,
    );
  if (config.total_episodes < config.batch_size)
    problems.push(`total_episodes ${config.total_episodes} is less than batch_size ${config.batch_size}`);
  if (problems.length > 0) throw new ConfigError(`ppo: ${problems.join("; ")}`);
}

async function prepare(
  context: StageContext,
  config: PpoConfig,
  inputs: PpoInputs,
  rewards: readonly NamedReward[],
  saved: Checkpoint | undefined,
  iterations: number,
): Promise<{ readonly parts: PpoParts; readonly samples: SavedState["samples"] }> {
  const { backend, random } = context;
  if (inputs.rewardModel === undefined && rewards.length === 0) {
    throw new ConfigError(
      "ppo: there is nothing to learn from; give a rewardModel, or reward functions in code: ppo({ rewards: [...] })",
    );
  }
  const policyModel = await loadModel(inputs.init.directory);
  const referenceModel =
    inputs.reference === undefined ? policyModel : await loadModel(inputs.reference.directory);
  const rewardModel =
    inputs.rewardModel === undefined ? undefined : await loadModel(inputs.rewardModel.directory);
  const valueModel = rewardModel ?? valueModelFromPolicy(policyModel, random.split("value head"));
  const state = saved?.state as SavedState | undefined;

  const prompts = await loadPrompts(context, config, inputs, policyModel);
  const texts = await loadTexts(context, config, inputs, policyModel);
  const minibatch = config.batch_size / config.num_mini_batches;
  const settings = adamWSettings(config);
  const average =
    config.ema_decay === null
      ? undefined
      : createWeightAverage(
          backend,
          config.ema_decay,
          await uploadAll(backend, saved?.tensors.average ?? policyModel.parameters),
        );
  const parts: PpoParts = {
    backend,
    config,
    random: random.split("ppo"),
    policyModel,
    valueModel,
    policy: await optimizerOf(context, settings, policyModel, saved, "policy", state?.policySteps),
    value: await optimizerOf(context, settings, valueModel, saved, "value", state?.valueSteps),
    reference: await freeze(backend, referenceModel),
    referenceIsStart: inputs.reference === undefined || inputs.reference.directory === inputs.init.directory,
    rewardModel:
      rewardModel === undefined
        ? undefined
        : { ...(await freeze(backend, rewardModel)), tokenizer: rewardModel.tokenizer },
    sharesTokenizer: rewardModel === undefined || sameTokenizer(policyModel, rewardModel),
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
    stopTokenIds: stopTokens(policyModel),
    padTokenId: policyModel.config.padTokenId ?? 0,
    policySchedule: scheduleFor(config, iterations, config.learning_rate),
    valueSchedule: scheduleFor(config, iterations, config.value_learning_rate),
  };
  return { parts, samples: state?.samples ?? [] };
}

/** Rates count iterations, not steps. */
function scheduleFor(config: PpoConfig, iterations: number, peak: number): Schedule {
  return { ...scheduleOf(config, iterations), peak, warmupStartRatio: config.warmup_start_ratio };
}

function optimizerOf(
  { backend }: StageContext,
  settings: AdamWSettings,
  model: LoadedModel,
  saved: Checkpoint | undefined,
  group: "policy" | "value",
  step: number | undefined,
): Promise<Optimizer> {
  const start =
    saved === undefined || step === undefined ? model.parameters : savedOptimizer(saved, group, step);
  return createOptimizer(backend, settings, start);
}

function sameTokenizer(a: LoadedModel, b: LoadedModel): boolean {
  const [own, other] = [a.files.get("tokenizer.json"), b.files.get("tokenizer.json")];
  if (own === undefined || other === undefined) return own === other;
  return Buffer.compare(own, other) === 0;
}

async function release(parts: PpoParts, trainer: { dispose(): Promise<void> }): Promise<void> {
  await trainer.dispose();
  await parts.policy.dispose();
  await parts.value.dispose();
  await parts.average?.dispose();
  for (const model of [parts.reference, parts.rewardModel]) {
    for (const tensor of Object.values(model?.parameters ?? {})) tensor.dispose();
  }
}
