import { ConfigError, type DirectoryArtifact, type PlanContext, type Random } from "@alignkit/core";
import {
  createOrder,
  createPromptTokenizer,
  createTextCutter,
  fileOrder,
  filesOf,
  type Order,
  type Prompt,
  type RecordList,
  type RecordStore,
  streamPrompts,
  streamTexts,
  tokenizeStream,
} from "@alignkit/data";
import type { PpoConfig } from "./config.js";
import type { ModelDescription } from "./models.js";

type Context = Pick<PlanContext, "resolvePath" | "logger">;
type Policy = Pick<ModelDescription, "config" | "tokenizer">;

/** A prompt as the loop takes it. */
export interface PromptExample {
  readonly inputIds: Int32Array;
  /** Where it comes from. */
  readonly record: Prompt;
}

/**
 * The prompts, tokenized; those that leave no room for a response are dropped and counted.
 * @throws {ConfigError} when none are given, or none fits
 */
export async function loadPrompts(
  context: Context,
  config: PpoConfig,
  inputs: { readonly prompts?: DirectoryArtifact },
  policy: Policy,
  store: RecordStore,
): Promise<RecordList<PromptExample>> {
  const files =
    config.prompt_files?.map(context.resolvePath) ??
    (inputs.prompts === undefined ? [] : (await filesOf(inputs.prompts)).train);
  if (files.length === 0)
    throw new ConfigError("ppo: no prompts are given; set prompt_files, or give the input prompts");
  const { maxPositions, vocabularySize } = policy.config;
  const maximumLength = Math.min(config.max_prompt_length, maxPositions - config.response_length);
  if (maximumLength < 1)
    throw new ConfigError(
      `ppo: response_length ${config.response_length} leaves no room for a prompt in the policy's ${maxPositions} positions`,
    );
  const tokenizer = createPromptTokenizer(policy.tokenizer, {
    maximumLength,
    tooLong: "drop",
    vocabularySize,
  });
  let dropped = 0;
  const stream = tokenizeStream(streamPrompts(files), tokenizer, (counts) => {
    dropped = counts.dropped;
  });
  const prompts = await store.keep(promptExamples(stream));
  if (prompts.length === 0)
    throw new ConfigError(`ppo: no prompt of ${files.join(", ")} has at most ${maximumLength} tokens`);
  if (dropped > 0)
    context.logger.warn(
      `${dropped} of ${prompts.length + dropped} prompts are longer than ${maximumLength} tokens and were dropped`,
    );
  return prompts;
}

async function* promptExamples(prompts: AsyncIterable<PromptExample>): AsyncGenerator<PromptExample> {
  for await (const { inputIds, record } of prompts) yield { inputIds, record };
}

/** Pretraining texts as ids, empty for plain PPO. */
export async function loadTexts(
  context: Context,
  config: PpoConfig,
  inputs: { readonly texts?: DirectoryArtifact },
  policy: Policy,
  store: RecordStore,
): Promise<RecordList<Int32Array>> {
  const files =
    config.ptx_files?.map(context.resolvePath) ??
    (inputs.texts === undefined ? [] : (await filesOf(inputs.texts)).train);
  if (files.length === 0 || config.ptx_coef === 0) return [];
  const { maxPositions, vocabularySize } = policy.config;
  const maximumLength = Math.min(config.ptx_max_length, maxPositions);
  const cut = createTextCutter(policy.tokenizer, { maximumLength, vocabularySize });
  const stream = async function* () {
    for await (const record of streamTexts(files)) for (const { inputIds } of cut(record)) yield inputIds;
  };
  return store.keep(stream());
}

/** Batches without end; each epoch has an order of its own, or that of the file. */
export function orderOf(count: number, batchSize: number, random: Random, shuffle: boolean): Order {
  const permutation = shuffle
    ? (length: number, epoch: number) => random.split(`epoch ${epoch}`).permutation(length)
    : fileOrder;
  return createOrder({ count, batchSize, permutation, last: "wrap" });
}
