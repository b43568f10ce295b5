/** What the training loops of the stages have in common. */
import { ConfigError, float32, type HostTensor } from "@alignkit/core";
import { z } from "zod";
import type { ModelConfig } from "./config.js";
import type { ParameterValue } from "./initialize.js";

/** One path or several. */
export const fileList = z
  .union([z.string(), z.array(z.string()).min(1)], "Invalid input: expected a path or a list of paths")
  .transform((given) => (typeof given === "string" ? [given] : given));

/** Fields for a config schema, named as in transformers' `TrainingArguments`. */
export const loopFields = {
  shuffle: z.boolean().default(true).describe("Each epoch in an order of its own; false keeps file order"),
  max_length: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe("Tokens of the longest example; null takes what the model can"),
  per_device_eval_batch_size: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe("The same of the evaluation; null takes that of training"),
  gradient_accumulation_steps: z
    .int()
    .positive()
    .default(1)
    .describe("Forward passes an update (transformers: 1)"),
  max_steps: z.int().positive().nullable().default(null).describe("Updates; null counts epochs"),
  pad_to_multiple_of: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe("Rounds lengths up; null rounds only where each length would be compiled"),
  logging_steps: z.int().positive().default(1).describe("Updates between lines of metrics"),
  eval_steps: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe("Updates between evaluations; null evaluates after the last one"),
  eval_on_start: z.boolean().default(false).describe("Whether to evaluate before the first update, too"),
  save_steps: z
    .int()
    .nonnegative()
    .default(500)
    .describe("Updates between checkpoints; 0 saves only when interrupted (transformers: 500)"),
};

/**
 * Updates in all.
 * @param perEpoch - updates of one pass over the data
 */
export function trainingSteps(
  config: { readonly max_steps: number | null; readonly num_train_epochs: number },
  perEpoch: number,
): number {
  return config.max_steps ?? Math.ceil(config.num_train_epochs * perEpoch);
}

/**
 * Tokens of the longest example.
 * @throws {ConfigError} when `max_length` is more than the model can take
 */
export function maximumLength(
  { max_length: given }: { readonly max_length: number | null },
  model: ModelConfig,
): number {
  if (given !== null && given > model.maxPositions) {
    throw new ConfigError(
      `max_length is ${given}, but the model has ${model.maxPositions} positions; give at most ${model.maxPositions}`,
    );
  }
  return given ?? model.maxPositions;
}

/**
 * Queries that attention takes at once in training, for rows of `length` tokens; undefined is all of them. Only rows as long
 * as they may be share one length often enough for a graph of their own, and only long ones gain by it.
 */
export function attentionBlockOf(length: number, longest: number): number | undefined {
  return length === longest && length >= 256 ? 128 : undefined;
}

/** Parameters as an optimizer takes them. */
export function hostTensors(
  parameters: ReadonlyMap<string, ParameterValue>,
): Readonly<Record<string, HostTensor>> {
  return Object.fromEntries([...parameters].map(([name, { data, shape }]) => [name, float32(data, shape)]));
}

/** The way back, for a model directory. */
export function parameterValues(tensors: Readonly<Record<string, HostTensor>>): Map<string, ParameterValue> {
  return new Map(
    Object.entries(tensors).map(([name, { type, data }]) => [
      name,
      { shape: type.shape, data: data instanceof Float32Array ? data : Float32Array.from(data) },
    ]),
  );
}
