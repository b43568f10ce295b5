import { ConfigError, type DirectoryArtifact, type PlanContext, type Random } from "@alignkit/core";
import {
  createOrder,
  fileOrder,
  filesOf,
  type Order,
  readPrompts,
  readTexts,
  type TokenizedPrompt,
  tokenizePrompts,
  tokenizeTexts,
} from "@alignkit/data";
import type { PpoConfig } from "./config.js";
import type { ModelDescription } from "./models.js";

type Context = Pick<PlanContext, "resolvePath" | "logger">;
type Policy = Pick<ModelDescription, "config" | "tokenizer">;

/**
 * The prompts, tokenized; those that leave no room for a response are dropped and counted.
 * @throws {ConfigError} when none are given, or none fits
 */
export async function loadPrompts(
  context: Context,
  config: PpoConfig,
  inputs: { readonly prompts?: DirectoryArtifact },
  policy: Policy,
): Promise<readonly TokenizedPrompt[]> {
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
  const records = await readPrompts(files);
  const { prompts, dropped } = tokenizePrompts(records, policy.tokenizer, {
    maximumLength,
    tooLong: "drop",
    vocabularySize,
  });
  if (prompts.length === 0)
    throw new ConfigError(`ppo: no prompt of ${files.join(", ")} has at most ${maximumLength} tokens`);
  if (dropped > 0)
    context.logger.warn(
      `${dropped} of ${records.length} prompts are longer than ${maximumLength} tokens and were dropped`,
    );
  return prompts;
}

/** Pretraining texts as ids, empty for plain PPO. */
export async function loadTexts(
  context: Context,
  config: PpoConfig,
  inputs: { readonly texts?: DirectoryArtifact },
  policy: Policy,
): Promise<readonly Int32Array[]> {
  const files =
    config.ptx_files?.map(context.resolvePath) ??
    (inputs.texts === undefined ? [] : (await filesOf(inputs.texts)).train);
  if (files.length === 0 || config.ptx_coef === 0) return [];
  const { maxPositions, vocabularySize } = policy.config;
  const maximumLength = Math.min(config.ptx_max_length, maxPositions);
  return tokenizeTexts(await readTexts(files), policy.tokenizer, { maximumLength, vocabularySize }).map(
    ({ inputIds }) => inputIds,
  );
}

/** Batches without end; each epoch has an order of its own, or that of the file. */
export function orderOf(count: number, batchSize: number, random: Random, shuffle: boolean): Order {
  const permutation = shuffle
    ? (length: number, epoch: number) => random.split(`epoch ${epoch}`).permutation(length)
    : fileOrder;
  return createOrder({ count, batchSize, permutation, last: "wrap" });
}
