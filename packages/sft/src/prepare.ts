/** What both stages do before the first update: model, tokenizer and examples, or the plan of them. */
import { ConfigError, type DirectoryArtifact, type StagePlan } from "@alignkit/core";
import { eachRecord, type RecordList, roundingStep } from "@alignkit/data";
import {
  attentionBlockOf,
  type ModelConfig,
  maximumLength,
  openModelDirectory,
  readTokenizerFiles,
  requireKnownIds,
  trainingRunMemory,
  trainingSteps,
} from "@alignkit/models";
import { tokenizerOf } from "@alignkit/tokenizer";
import { type Example, noTexts } from "./batches.js";
import type { TrainingConfig } from "./config.js";
import type { Examples } from "./examples.js";
import { mixTexts } from "./pretraining-mix.js";

/** A language model but for its weights, with its tokenizer, which is undefined where only ids are used. */
export async function readPolicy({ directory }: DirectoryArtifact) {
  const { config, head, generationConfig, close } = await openModelDirectory(directory);
  await close();
  if (head !== "language_model") {
    throw new ConfigError(`${directory}: holds a model with a ${head} head; give a language model`);
  }
  const files = await readTokenizerFiles(directory);
  const tokenizer = tokenizerOf(files, directory);
  requireKnownIds(config, tokenizer, directory);
  return { config, generationConfig, files, tokenizer };
}

/** Steps and memory, for `--dry-run`. */
export function planTraining(config: TrainingConfig, model: ModelConfig, examples: Examples): StagePlan {
  const { per_device_train_batch_size: batchSize, gradient_accumulation_steps: accumulation } = config;
  const { texts, share } = examples.mixed ?? noTexts;
  const { count } = mixTexts({
    demonstrations: examples.train.length,
    texts: texts.length,
    share,
    random: undefined,
  });
  const perEpoch = Math.ceil(count / (batchSize * accumulation));
  const rows = Math.min(batchSize, count);
  const trained = totalsOf(examples.train);
  const read = totalsOf(texts);
  const longest = Math.max(trained.longest, read.longest);
  const step = config.pad_to_multiple_of ?? roundingStep(longest, 16);
  const length = Math.ceil(longest / step) * step;
  const learned = trained.labels + read.labels;
  const all = examples.train.length + texts.length;
  const attentionBlock = attentionBlockOf(length, maximumLength(config, model));
  const targets = Math.min(rows * length, Math.ceil((2 * rows * learned) / all));
  return {
    steps: trainingSteps(config, perEpoch),
    memory: trainingRunMemory({
      config: model,
      head: "language_model",
      rows,
      length,
      targets,
      attentionBlock,
      accumulates: accumulation > 1,
      residualDropout: config.residual_dropout,
    }),
    notes: [
      `${examples.train.length} examples of at most ${longest} tokens: ${trained.tokens} tokens, ${trained.labels} of them learned`,
      ...(texts.length === 0
        ? []
        : [
            `${count - examples.train.length} of ${texts.length} texts among them in each epoch, ${(read.labels / texts.length).toFixed(1)} learned tokens each`,
          ]),
      `${batchSize} rows x ${accumulation} forward passes an update, ${perEpoch} updates an epoch`,
      `${examples.evaluation.length} held-out examples`,
    ],
  };
}

function totalsOf(list: RecordList<Example>) {
  let [longest, tokens, labels] = [0, 0, 0];
  for (const example of eachRecord(list)) {
    longest = Math.max(longest, example.inputIds.length);
    tokens += example.inputIds.length;
    for (const label of example.labels) if (label >= 0) labels++;
  }
  return { longest, tokens, labels };
}
