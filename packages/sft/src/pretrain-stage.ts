import { tmpdir } from "node:os";
import {
  ConfigError,
  createRandom,
  type DirectoryArtifact,
  defineStage,
  type PlanContext,
  type Random,
  type StageContext,
} from "@alignkit/core";
import { type RecordStore, textsArtifact, withRecordStore } from "@alignkit/data";
import {
  createModelConfig,
  initializeParameters,
  type ModelConfig,
  maximumLength,
  policyArtifact,
  readModelDirectory,
  readTokenizerFiles,
  writeModelDirectory,
} from "@alignkit/models";
import { type Tokenizer, tokenizerOf } from "@alignkit/tokenizer";
import { tokenizerArtifact } from "./artifacts.js";
import { type PretrainConfig, pretrainConfig } from "./config.js";
import { type Examples, readPretrainExamples } from "./examples.js";
import { planTraining, readPolicy } from "./prepare.js";
import { trainLanguageModel } from "./train.js";

interface Inputs {
  readonly init?: DirectoryArtifact;
  readonly texts?: DirectoryArtifact;
  readonly tokenizer?: DirectoryArtifact;
}

/** Language-model training on raw text, of a new model or of one that is there: the GPT-3 that the paper starts from. */
export const pretrainStage = defineStage({
  name: "pretrain",
  description: "Trains a new or given language model on raw text; every token is learned",
  config: pretrainConfig,
  consumes: {},
  optionalConsumes: { init: policyArtifact, texts: textsArtifact, tokenizer: tokenizerArtifact },
  produces: { policy: policyArtifact },

  async run(context, config, inputs) {
    const {
      config: modelConfig,
      files,
      tokenizer,
      initialize,
      generationConfig,
    } = await start(context, config, inputs);
    const parameters = await withRecordStore(context.directory, async (store) => {
      const examples = await readExamples(context, config, inputs, modelConfig, tokenizer, store);
      return trainLanguageModel({
        context,
        config,
        model: { config: modelConfig, initialize: () => initialize(context.random.split("initialize")) },
        examples: examples.train,
        evaluationExamples: examples.evaluation,
      });
    });
    const directory = context.artifactDirectory("policy");
    const model = { config: modelConfig, head: "language_model", parameters, generationConfig } as const;
    await writeModelDirectory(directory, model, { overwrite: true, files });
    return { policy: { directory } };
  },

  async plan(context, config, inputs) {
    const awaited = config.model === null ? "init" : "tokenizer";
    if (inputs[awaited] === undefined && context.pending.has(awaited)) {
      return { notes: ["the model or its tokenizer comes from an earlier stage"] };
    }
    const { config: modelConfig, tokenizer } = await start(context, config, inputs);
    maximumLength(config, modelConfig);
    const outputsLike = inputs.init === undefined ? {} : { policy: inputs.init };
    if (config.train_files === null && context.pending.has("texts")) {
      return { notes: ["the texts come from an earlier stage"], outputsLike };
    }
    return withRecordStore(tmpdir(), async (store) => {
      const planned = { ...context, random: createRandom(0) };
      const examples = await readExamples(planned, config, inputs, modelConfig, tokenizer, store);
      return { ...planTraining(config, modelConfig, examples), outputsLike };
    });
  },
});

/** The model to begin with: its config, tokenizer, and a function that gives its parameters. */
async function start(
  { resolvePath }: Pick<PlanContext, "resolvePath">,
  config: PretrainConfig,
  inputs: Inputs,
) {
  if (config.model === null) {
    if (inputs.init === undefined) {
      throw new ConfigError(`no model: give "model" for a new one, or the input "init" to go on with one`);
    }
    const { directory } = inputs.init;
    const initialize = async () => (await readModelDirectory(directory)).parameters;
    return { ...(await readPolicy(inputs.init)), initialize };
  }
  if (inputs.init !== undefined) {
    throw new ConfigError(`both "model" and the input "init" are given; leave one out`);
  }
  const directory = config.tokenizer === null ? inputs.tokenizer?.directory : resolvePath(config.tokenizer);
  if (directory === undefined) {
    throw new ConfigError(`a new model needs a tokenizer: give "tokenizer", or the input "tokenizer"`);
  }
  const files = await readTokenizerFiles(directory);
  const tokenizer = tokenizerOf(files, directory);
  if (tokenizer === undefined) throw new ConfigError(`tokenizer: ${directory} holds no tokenizer.json`);
  const modelConfig = createModelConfig({ ...vocabularyFields(tokenizer), ...config.model });
  return {
    config: modelConfig,
    files,
    tokenizer,
    generationConfig: null,
    initialize: (random: Random) => initializeParameters(modelConfig, "language_model", random),
  };
}

/** What a tokenizer says of its model. Padding that is the end token is none: the model needs no padding token. */
function vocabularyFields({ vocabularySize, bosTokenId, eosTokenId, padTokenId }: Tokenizer) {
  return {
    vocab_size: vocabularySize,
    bos_token_id: bosTokenId ?? null,
    eos_token_id: eosTokenId ?? null,
    pad_token_id: padTokenId === eosTokenId ? null : (padTokenId ?? null),
  };
}

function readExamples(
  { resolvePath, logger, random }: Pick<StageContext, "resolvePath" | "logger" | "random">,
  config: PretrainConfig,
  { texts }: Inputs,
  model: ModelConfig,
  tokenizer: Tokenizer | undefined,
  store: RecordStore,
): Promise<Examples> {
  return readPretrainExamples({
    config,
    input: texts,
    inputName: "texts",
    tokenizer,
    vocabularySize: model.vocabularySize,
    maximumLength: maximumLength(config, model),
    resolvePath,
    logger,
    random: random.split("mixture"),
    store,
  });
}
