import { fileList, loopFields, loraFields, optimizationFields } from "@alignkit/models";
import { z } from "zod";
import { lossNormalizations } from "./pairs.js";

/**
 * Config of the stage `reward`, named as in transformers' `TrainingArguments` and TRL's `RewardConfig`.
 *
 * "Paper" is Ouyang et al. 2022, section 3.5 and appendix C.2; where it is silent, the text says whose value stands here.
 */
export const rewardConfig = z.strictObject({
  ...loopFields,

  // Data.
  train_files: fileList
    .nullable()
    .default(null)
    .describe(
      "Rankings: .jsonl or .jsonl.gz of {prompt, responses, ranks}, {prompt, chosen, rejected, margin?}, {chosen, rejected} or {input_ids: [[..], ..], ranks}; null takes the input `rankings`",
    ),
  eval_files: fileList
    .nullable()
    .default(null)
    .describe("Held-out rankings; null takes those of the input, if it has any"),
  demonstration_files: fileList
    .nullable()
    .default(null)
    .describe(
      "Demonstrations whose mean score becomes 0 (paper, 3.5); null takes the input `demonstrations`; without either there is no bias",
    ),
  too_long: z
    .enum(["error", "truncate", "drop"])
    .default("error")
    .describe("What becomes of a ranking with a row of more tokens than fit"),
  append_eos: z
    .boolean()
    .default(true)
    .describe("Whether the end token follows each response; the score is read at the last token"),

  labeler_column: z
    .string()
    .nullable()
    .default(null)
    .describe("Column that says who ranked: the evaluation then has an `eval_accuracy/<labeler>` of each"),
  labeler_folds: z
    .int()
    .min(2)
    .nullable()
    .default(null)
    .describe(
      "Deals the labelers of `labeler_column` out to so many groups, of which one is held out for evaluation (paper, 4.1: 5)",
    ),
  fold: z.int().nonnegative().default(0).describe("The group that is held out, from 0"),
  // Amount of work.
  per_device_train_batch_size: z
    .int()
    .positive()
    .default(64)
    .describe("Prompts of one forward pass, each with all its responses (paper: 64 prompts an update)"),
  share_prompts: z
    .union([z.literal("auto"), z.boolean()], "Invalid input: expected auto, true or false")
    .default("auto")
    .describe(
      "Whether a prompt is computed once for several of its responses, which see it and themselves only; the same scores and gradients. auto does so where it is less work, by the lengths of each batch",
    ),
  num_train_epochs: z
    .number()
    .positive()
    .default(1)
    .describe("Passes over the prompts (paper: 1; more overfit)"),
  loss_normalization: z
    .enum(lossNormalizations)
    .default("valid_pairs")
    .describe(
      "Divisor of a prompt's pairs: its untied ones, or K (K - 1) / 2 as printed in the paper, or all untied ones of the update",
    ),
  center_rewards_coefficient: z
    .number()
    .nonnegative()
    .default(0)
    .describe("Weight of (r_w + r_l)^2, which keeps scores near 0 (Eisenstein et al. 2023; paper: none)"),

  // Optimization.
  ...optimizationFields,
  ...loraFields,
  learning_rate: z
    .number()
    .nonnegative()
    .default(9e-6)
    .describe("Peak learning rate (paper: 9e-6, insensitive to half as much or more)"),
});
/** The config of the stage with its defaults filled in. */
export type RewardConfig = z.output<typeof rewardConfig>;
