import { tmpdir } from "node:os";
import { defineStage, type PlanContext, type Random, type StagePlan } from "@alignkit/core";
import {
  demonstrationsArtifact,
  eachRecord,
  longestFirst,
  type RecordStore,
  rankingsArtifact,
  recordsAt,
  withRecordStore,
} from "@alignkit/data";
import {
  configToTrain,
  type Model,
  maximumLength,
  modelToTrain,
  readModelDirectory,
  rewardModelArtifact,
  trainingRunMemory,
  trainingSteps,
  writeModelDirectory,
} from "@alignkit/models";
import { initArtifact } from "./artifacts.js";
import { longestRow } from "./batches.js";
import { type RewardConfig, rewardConfig } from "./config.js";
import { type Examples, type ReadExamplesOptions, readExamples } from "./examples.js";
import { type InitialModel, readInitialModel, withScalarHead } from "./initialize.js";
import { rewardPresets } from "./presets.js";
import { layOutRows, responsesPerRow } from "./rows.js";
import { trainRewardModel } from "./train.js";

/** The reward model: a policy and rankings make a model that scores a prompt with its response. */
export const rewardStage = defineStage({
  name: "reward",
  description: "Trains a reward model on rankings; demonstrations score 0 on average",
  config: rewardConfig,
  presets: rewardPresets,
  consumes: { init: initArtifact },
  optionalConsumes: { rankings: rankingsArtifact, demonstrations: demonstrationsArtifact },
  produces: { rewardModel: rewardModelArtifact },

  async run(context, config, inputs) {
    const init = await readInitialModel(inputs.init);
    const { directory: start } = inputs.init;
    const modelConfig = configToTrain(init.config, config, start);
    const initialize = async () =>
      scalarModel(config, await readModelDirectory(start), start, context.random).parameters;
    const { parameters, bias, count } = await withRecordStore(context.directory, async (store) => {
      const { train, evaluation, demonstrations } = await read(context, config, inputs, init, store);
      const trained = await trainRewardModel({
        context,
        config,
        model: { config: modelConfig, initialize },
        examples: train,
        evaluationExamples: evaluation,
        demonstrations,
      });
      return { ...trained, count: demonstrations.length };
    });
    if (count === 0)
      context.logger.warn("no demonstrations are given, so that no bias moves their score to 0");
    else context.logger.info(`reward_bias ${bias} moves the mean score of ${count} demonstrations to 0`);

    const directory = context.artifactDirectory("rewardModel");
    await writeModelDirectory(
      directory,
      { config: { ...modelConfig, rewardBias: bias }, head: "scalar", parameters, generationConfig: null },
      { overwrite: true, files: init.files },
    );
    return { rewardModel: { directory } };
  },

  async plan(context, config, inputs) {
    if (inputs.init === undefined) return { notes: ["the model comes from an earlier stage"] };
    const init = await readInitialModel(inputs.init);
    maximumLength(config, init.config);
    const outputsLike = { rewardModel: inputs.init };
    if (config.train_files === null && context.pending.has("rankings")) {
      return { notes: ["the rankings come from an earlier stage"], outputsLike };
    }
    const model = configToTrain(init.config, config, inputs.init.directory);
    return withRecordStore(tmpdir(), async (store) => {
      const examples = await read(context, config, inputs, init, store);
      return { ...planTraining(config, { ...init, config: model }, examples), outputsLike };
    });
  },
});

/** The model that is trained: with a scalar head, and with an adapter if one is asked for. */
function scalarModel(config: RewardConfig, init: Model, directory: string, random: Random) {
  const parameters = withScalarHead(init, random.split("head"));
  const scalar = { config: init.config, head: "scalar", parameters } as const;
  return modelToTrain(scalar, config, directory, random.split("adapter"));
}

function read(
  { resolvePath, logger }: Pick<PlanContext, "resolvePath" | "logger">,
  config: RewardConfig,
  inputs: ReadExamplesOptions["inputs"],
  { config: model, tokenizer }: InitialModel,
  store: RecordStore,
): Promise<Examples> {
  return readExamples({
    config,
    inputs,
    tokenizer,
    vocabularySize: model.vocabularySize,
    maximumLength: maximumLength(config, model),
    resolvePath,
    logger,
    store,
  });
}

/** Steps and memory, for `--dry-run`. */
function planTraining(
  config: RewardConfig,
  { config: model, head }: InitialModel,
  examples: Examples,
): StagePlan {
  const { train, evaluation, demonstrations } = examples;
  const { per_device_train_batch_size: prompts, gradient_accumulation_steps: accumulation } = config;
  const perEpoch = Math.ceil(train.length / (prompts * accumulation));
  const byTokens = longestFirst(train, (example) => example.rows.length * longestRow(example));
  const largest = recordsAt(train, byTokens.slice(0, prompts)).map(({ rows }) => rows);
  const perRow = responsesPerRow(config.share_prompts, model)(largest);
  const { rows, length } = layOutRows(largest, perRow, {
    padTokenId: 0,
    multipleOf: config.pad_to_multiple_of,
    fewSizes: true,
  });
  let [longest, responses, pairs] = [0, 0, 0];
  for (const example of eachRecord(train)) {
    longest = Math.max(longest, longestRow(example));
    responses += example.rows.length;
    pairs += example.pairs.length;
  }
  return {
    steps: trainingSteps(config, perEpoch),
    memory: trainingRunMemory({
      config: model,
      head: "scalar",
      targets: rows,
      rows,
      length,
      accumulates: accumulation > 1,
    }),
    notes: [
      `${train.length} prompts with ${responses} responses of at most ${longest} tokens, ${pairs} untied pairs`,
      `${prompts} prompts x ${accumulation} forward passes an update, ${perEpoch} updates an epoch`,
      `${evaluation.length} held-out prompts, ${demonstrations.length} demonstrations for the bias`,
      head === "scalar" ? "the scalar head goes on as it is" : "the scalar head is new",
    ],
  };
}
