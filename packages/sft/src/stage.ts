import { tmpdir } from "node:os";
import {
  ConfigError,
  createRandom,
  type DirectoryArtifact,
  defineStage,
  type Random,
  type StageContext,
} from "@alignkit/core";
import {
  createPromptTokenizer,
  demonstrationsArtifact,
  filesOf,
  promptsArtifact,
  type RecordStore,
  streamPrompts,
  type TokenizedPrompt,
  textsArtifact,
  tokenizeStream,
  withRecordStore,
} from "@alignkit/data";
import {
  configToTrain,
  type ModelConfig,
  maximumLength,
  modelToTrain,
  policyArtifact,
  readModelDirectory,
  rewardModelArtifact,
  writeModelDirectory,
} from "@alignkit/models";
import type { Tokenizer } from "@alignkit/tokenizer";
import { type SftConfig, sftConfig } from "./config.js";
import { type Examples, readMixedTexts, readSftExamples } from "./examples.js";
import { planTraining, readPolicy } from "./prepare.js";
import { sftPresets } from "./presets.js";
import { type EvaluationMetric, selectionOf } from "./selection.js";
import { trainLanguageModel } from "./train.js";
import { createValidationReward, type ValidationReward } from "./validation-reward.js";

interface DataInputs {
  readonly demonstrations?: DirectoryArtifact;
  readonly texts?: DirectoryArtifact;
}

interface ValidationInputs {
  readonly rewardModel?: DirectoryArtifact;
  readonly prompts?: DirectoryArtifact;
}

/** Supervised fine-tuning: a language model and demonstrations make a policy. */
export const sftStage = defineStage({
  name: "sft",
  description:
    "Fine-tunes a language model on demonstrations; only completions are learned, unless asked otherwise",
  config: sftConfig,
  presets: sftPresets,
  consumes: { init: policyArtifact },
  optionalConsumes: {
    demonstrations: demonstrationsArtifact,
    texts: textsArtifact,
    rewardModel: rewardModelArtifact,
    prompts: promptsArtifact,
  },
  produces: { policy: policyArtifact },

  async run(context, config, inputs) {
    const policy = await policyToTrain(config, inputs.init, context.random.split("adapter"));
    const { config: model, files, tokenizer, generationConfig, initialize } = policy;
    const parameters = await withRecordStore(context.directory, async (store) => {
      const examples = await readExamples(context, config, inputs, model, tokenizer, store);
      const validationReward = await readValidation(context, config, inputs, policy);
      const measured = new Set<EvaluationMetric>();
      if (examples.evaluation.length > 0) measured.add("eval_loss");
      if (validationReward !== undefined) measured.add("eval_reward");
      return trainLanguageModel({
        context,
        config,
        model: { config: model, initialize },
        examples: examples.train,
        ...(examples.mixed === undefined ? {} : { mixed: examples.mixed }),
        evaluationExamples: examples.evaluation,
        packing: config.packing,
        ...(validationReward === undefined ? {} : { validationReward }),
        selection: selectionOf(config, measured),
      }).finally(() => validationReward?.dispose());
    });
    const directory = context.artifactDirectory("policy");
    const trained = { config: model, head: "language_model", parameters, generationConfig } as const;
    await writeModelDirectory(directory, trained, { overwrite: true, files });
    return { policy: { directory } };
  },

  async plan(context, config, inputs) {
    if (inputs.init === undefined) return { notes: ["the model comes from an earlier stage"] };
    const { config: model, tokenizer } = await policyToTrain(config, inputs.init, createRandom(0));
    maximumLength(config, model);
    const outputsLike = { policy: inputs.init };
    if (config.train_files === null && context.pending.has("demonstrations")) {
      return { notes: ["the demonstrations come from an earlier stage"], outputsLike };
    }
    if (config.pretrain_mix > 0 && config.pretrain_files === null && context.pending.has("texts")) {
      return { notes: ["the texts to mix in come from an earlier stage"], outputsLike };
    }
    return withRecordStore(tmpdir(), async (store) => {
      const planned = { ...context, random: createRandom(0) };
      const examples = await readExamples(planned, config, inputs, model, tokenizer, store);
      return { ...planTraining(config, model, examples), outputsLike };
    });
  },
});

/** The policy that is trained: the whole of it, or an adapter beside it. */
async function policyToTrain(config: SftConfig, init: DirectoryArtifact, random: Random) {
  const { directory } = init;
  const policy = await readPolicy(init);
  return {
    ...policy,
    config: configToTrain(policy.config, config, directory),
    initialize: async () =>
      modelToTrain(await readModelDirectory(directory), config, directory, random).parameters,
  };
}

async function readExamples(
  { resolvePath, logger, random }: Pick<StageContext, "resolvePath" | "logger" | "random">,
  config: SftConfig,
  { demonstrations, texts }: DataInputs,
  model: ModelConfig,
  tokenizer: Tokenizer | undefined,
  store: RecordStore,
): Promise<Examples> {
  const shared = {
    config,
    tokenizer,
    vocabularySize: model.vocabularySize,
    maximumLength: maximumLength(config, model),
    resolvePath,
    store,
  };
  const examples = await readSftExamples({
    ...shared,
    input: demonstrations,
    inputName: "demonstrations",
    logger,
    random: random.split("mixture"),
  });
  return { ...examples, mixed: await readMixedTexts({ ...shared, input: texts }) };
}

/** What measures `eval_reward`, where a reward model and prompts are given. */
async function readValidation(
  { backend, random, resolvePath, logger }: StageContext,
  config: SftConfig,
  { rewardModel, prompts }: ValidationInputs,
  { config: model, files, tokenizer }: Awaited<ReturnType<typeof readPolicy>>,
): Promise<ValidationReward | undefined> {
  if (rewardModel === undefined) return undefined;
  const found = prompts === undefined ? undefined : await filesOf(prompts);
  const held = found?.evaluation.length === 0 ? found.train : found?.evaluation;
  const promptFiles = config.eval_prompt_files?.map(resolvePath) ?? held;
  if (promptFiles === undefined) return undefined;
  const maximum = maximumLength(config, model) - config.eval_response_length;
  const tokenizePrompt = createPromptTokenizer(tokenizer, {
    maximumLength: maximum,
    tooLong: "drop",
    vocabularySize: model.vocabularySize,
  });
  const fitting: TokenizedPrompt[] = [];
  const stream = tokenizeStream(streamPrompts(promptFiles), tokenizePrompt, ({ dropped }) => {
    if (dropped === 0) return;
    logger.warn(
      `${dropped} of ${fitting.length + dropped} prompts leave no room for a response and were dropped`,
    );
  });
  for await (const prompt of stream) fitting.push(prompt);
  if (fitting.length === 0) {
    throw new ConfigError(
      `${promptFiles.join(", ")}: no prompt has at most ${maximum} tokens, which leaves room for eval_response_length ${config.eval_response_length}`,
    );
  }
  return createValidationReward({
    backend,
    policy: { config: model, files, tokenizer },
    rewardModel,
    prompts: fitting,
    responseLength: config.eval_response_length,
    temperature: config.eval_temperature,
    random: random.split("validation"),
  });
}
