import { z } from "zod";
import { optimizationFields } from "./optimization.js";
import { lossNormalizations } from "./pairs.js";

const positiveInteger = z.number().int().positive();

/** One path or several. */
const files = z
  .union([z.string(), z.array(z.string()).min(1)])
  .transform((given) => (typeof given === "string" ? [given] : given));

/**
 * Config of the stage `reward`, named as in transformers' `TrainingArguments` and TRL's `RewardConfig`.
 * Defaults are those of Ouyang et al. 2022, section 3.5 and appendix C.2, where they give them.
 */
export const rewardConfig = z.strictObject({
  ...optimizationFields,
  /** Files with rankings or preferences (.jsonl, .jsonl.gz); null takes those of the input `rankings`. */
  train_files: files.nullable().default(null),
  /** Held-out rankings; null takes those of the input, if it has any. */
  eval_files: files.nullable().default(null),
  /** Demonstrations whose mean score becomes 0; null takes those of the input `demonstrations`. Without any, no bias. */
  demonstration_files: files.nullable().default(null),
  /** Prompts of one forward pass, each with all its responses. C.2: 64 prompts an update. */
  per_device_train_batch_size: positiveInteger.default(64),
  /** Prompts of one forward pass of the evaluation; null takes that of training. */
  per_device_eval_batch_size: positiveInteger.nullable().default(null),
  /** Forward passes per update; transformers: 1. */
  gradient_accumulation_steps: positiveInteger.default(1),
  /** C.2: one; more overfit. */
  num_train_epochs: z.number().positive().default(1),
  /** Updates; null counts epochs. */
  max_steps: positiveInteger.nullable().default(null),
  /** What the loss of a prompt's pairs is divided by; see `LossNormalization`. */
  loss_normalization: z.enum(lossNormalizations).default("valid_pairs"),
  /** Weight of `(r_w + r_l)^2` (Eisenstein et al. 2023); the paper has none. */
  center_rewards_coefficient: z.number().nonnegative().default(0),
  /** Whether each epoch has an order of its own; otherwise the files' order. */
  shuffle: z.boolean().default(true),
  /** Tokens of the longest prompt with response; null takes what the model can. */
  max_length: positiveInteger.nullable().default(null),
  /** What becomes of a ranking with a row of more tokens than fit. */
  too_long: z.enum(["error", "truncate", "drop"]).default("error"),
  /** Whether the end token follows each response, so that the score is read there. */
  append_eos: z.boolean().default(true),
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
});
export type RewardConfig = z.output<typeof rewardConfig>;
