import { z } from "zod";
import { optimizationFields } from "./optimization.js";

const positiveInteger = z.number().int().positive();

/** One path or several. */
const files = z
  .union([z.string(), z.array(z.string()).min(1)])
  .transform((given) => (typeof given === "string" ? [given] : given));

/**
 * What a training loop needs, named as in transformers' `TrainingArguments`.
 *
 * An update sees `per_device_train_batch_size * gradient_accumulation_steps` examples; how they are divided between the
 * two changes memory and speed, not the result.
 */
const loopFields = {
  ...optimizationFields,
  /** Data files (.jsonl, .jsonl.gz); null takes those of the stage's input. */
  train_files: files.nullable().default(null),
  /** Held-out files; null takes those of the stage's input, if it has any. */
  eval_files: files.nullable().default(null),
  /** Rows of one forward pass. Ouyang et al. 2022, appendix C.1 (1.3B and 6B): 32 examples per update. */
  per_device_train_batch_size: positiveInteger.default(32),
  /** Rows of one forward pass of the evaluation; null takes that of training. */
  per_device_eval_batch_size: positiveInteger.nullable().default(null),
  /** Forward passes per update; transformers: 1. */
  gradient_accumulation_steps: positiveInteger.default(1),
  /** Updates; null counts epochs. */
  max_steps: positiveInteger.nullable().default(null),
  /**
   * What an update's loss is divided by: `token_mean`, the labelled tokens of all its examples (transformers, TRL), so
   * that 8 x 1 equals 1 x 8; `micro_mean`, the mean of the token means of its forward passes (transformers before 4.46).
   */
  loss_reduction: z.enum(["token_mean", "micro_mean"]).default("token_mean"),
  /** Whether each epoch has an order of its own; otherwise the files' order. */
  shuffle: z.boolean().default(true),
  /** Tokens of the longest example; null takes what the model can. */
  max_length: positiveInteger.nullable().default(null),
  /**
   * Lengths are rounded up to multiples of it. Null does not round, but on a backend that compiles a graph for each set of
   * sizes, where it chooses steps of at most a quarter.
   */
  pad_to_multiple_of: positiveInteger.nullable().default(null),
  /** Updates between lines of metrics. */
  logging_steps: positiveInteger.default(1),
  /** Updates between evaluations; null evaluates after the last one. */
  eval_steps: positiveInteger.nullable().default(null),
  /** Whether to evaluate before the first update, too. */
  eval_on_start: z.boolean().default(false),
  /** Updates between checkpoints; 0 saves only when interrupted. transformers: 500. */
  save_steps: z.number().int().nonnegative().default(500),
};

/** Config of the stage `sft`. Defaults are those of the SFT baseline of Ouyang et al. 2022, appendix C.1. */
export const sftConfig = z.strictObject({
  ...loopFields,
  /** C.1: 16. The model that starts PPO (C.3) has 2 and mixes in pretraining data, which this stage does not. */
  num_train_epochs: z.number().positive().default(16),
  /** What becomes of an example with more tokens than fit. */
  too_long: z.enum(["error", "truncate", "drop"]).default("error"),
  /** Whether the end token follows each completion and is learned. */
  append_eos: z.boolean().default(true),
});
export type SftConfig = z.output<typeof sftConfig>;

/** Config of the stage `pretrain`. */
export const pretrainConfig = z
  .strictObject({
    ...loopFields,
    num_train_epochs: z.number().positive().default(1),
    /** Peak rate of GPT-3 Small (Brown et al. 2020, table 2.1). */
    learning_rate: optimizationFields.learning_rate.default(6e-4),
    /** Brown et al. 2020, appendix B. */
    weight_decay: optimizationFields.weight_decay.default(0.1),
    /**
     * Fields of the `config.json` of a new model, such as `{ model_type: "gpt2", n_embd: 128, .. }`; sizes and ids of
     * the vocabulary are those of the tokenizer where they are left out. Null goes on from the input `init`.
     */
    model: z.record(z.string(), z.unknown()).nullable().default(null),
    /** Directory with the `tokenizer.json` of a new model; null takes the input `tokenizer`. */
    tokenizer: z.string().nullable().default(null),
    /**
     * Whether texts stand one after the other in rows of full length, with the end token between them and without masks,
     * as in Brown et al. 2020, appendix B; otherwise each begins a row.
     */
    packing: z.boolean().default(true),
  })
  .superRefine((config, context) => {
    if (config.model === null && config.tokenizer !== null) {
      context.addIssue({
        code: "custom",
        path: ["tokenizer"],
        message: 'goes with "model"; a model that is continued has its own',
      });
    }
  });
export type PretrainConfig = z.output<typeof pretrainConfig>;

/** What the loop reads of either. */
export type TrainingConfig = Omit<SftConfig, "too_long" | "append_eos">;
