import { fileList, loopFields, loraFields, optimizationFields } from "@alignkit/models";
import { z } from "zod";

/**
 * What a training loop needs, named as in transformers' `TrainingArguments`.
 *
 * An update sees `per_device_train_batch_size * gradient_accumulation_steps` examples; how they are divided between the
 * two changes memory and speed, not the result. "Paper" is Ouyang et al. 2022; where it is silent, the text says whose
 * value stands here.
 */
const trainingFields = {
  ...loopFields,
  train_weights: z
    .array(z.number().positive())
    .nullable()
    .default(null)
    .describe(
      "One weight for each of train_files: each next example is of a file drawn by weight, until the first has no more; null takes one file after the other",
    ),
  eval_files: fileList
    .nullable()
    .default(null)
    .describe("Held-out data; null takes that of the stage's input, if it has any"),
  per_device_train_batch_size: z
    .int()
    .positive()
    .default(32)
    .describe("Rows of one forward pass (paper, C.1: 32 examples an update for 1.3B and 6B)"),
  loss_reduction: z
    .enum(["token_mean", "micro_mean"])
    .default("token_mean")
    .describe(
      "token_mean divides by the labels of the whole update, so that 8 x 1 equals 1 x 8 (TRL); micro_mean averages the means of its forward passes",
    ),
  residual_dropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0.2)
    .describe(
      "Share of the outputs of attention and MLP dropped in training, in models of any family; transformers' resid_pdrop (paper, C.1: 0.2)",
    ),
  ...optimizationFields,
};

/** Config of the stage `sft`. Defaults are those of the SFT baseline of the paper, appendix C.1. */
export const sftConfig = z.strictObject({
  train_files: fileList
    .nullable()
    .default(null)
    .describe(
      "Demonstrations: .jsonl or .jsonl.gz of {prompt, completion}, {messages}, {input_ids, labels?} or {text}; null takes the input `demonstrations`",
    ),
  num_train_epochs: z
    .number()
    .positive()
    .default(16)
    .describe("Passes over the examples (paper, C.1: 16; C.3, the model that PPO starts from: 2)"),
  too_long: z
    .enum(["error", "truncate", "drop"])
    .default("error")
    .describe("What becomes of an example with more tokens than fit"),
  append_eos: z
    .boolean()
    .default(true)
    .describe("Whether the end token follows each completion and is learned"),
  completion_only_loss: z
    .boolean()
    .default(true)
    .describe(
      "Whether prompts are not learned (the paper does not say; TRL: true for {prompt, completion}); rows with `labels` keep them",
    ),
  packing: z
    .boolean()
    .default(false)
    .describe(
      "Examples of a forward pass share rows, each seeing only itself: the same loss and gradients, and less work in attention (TRL's packs other updates)",
    ),
  pretrain_files: fileList
    .nullable()
    .default(null)
    .describe(
      "Raw text to mix in, .jsonl or .jsonl.gz of {text} or {input_ids}; null takes the input `texts`; goes with pretrain_mix",
    ),
  pretrain_mix: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe(
      "Share of the examples that is raw text, at even distances (paper, C.3: 10 %, it does not say of what; C.1: none)",
    ),
  ...trainingFields,
  ...loraFields,
  load_best_model_at_end: z
    .boolean()
    .default(false)
    .describe(
      "Whether the weights with the best evaluation are kept instead of the last (paper, C.1: true; transformers: false)",
    ),
  metric_for_best_model: z
    .enum(["eval_loss", "eval_reward"])
    .nullable()
    .default(null)
    .describe(
      "What the best is chosen by; null takes eval_reward where it is measured (paper, C.1), else eval_loss",
    ),
  greater_is_better: z
    .boolean()
    .nullable()
    .default(null)
    .describe("Whether the largest is the best; null: not of eval_loss"),
  eval_prompt_files: fileList
    .nullable()
    .default(null)
    .describe(
      "Prompts of eval_reward: {prompt}, {messages} or {input_ids}; null takes those held out in the input `prompts`, or all of it",
    ),
  eval_response_length: z
    .int()
    .positive()
    .default(128)
    .describe("Most tokens of a response that is scored for eval_reward"),
  eval_temperature: z
    .number()
    .nonnegative()
    .default(0)
    .describe("Of those responses; 0 takes the most likely token (the paper does not say)"),
});
/** The config of `sft` with its defaults filled in. */
export type SftConfig = z.output<typeof sftConfig>;

/** Config of the stage `pretrain`. */
export const pretrainConfig = z
  .strictObject({
    model: z
      .record(z.string(), z.unknown())
      .nullable()
      .default(null)
      .describe(
        "Fields of the config.json of a new model; those of the vocabulary come from the tokenizer; null goes on from the input `init`",
      ),
    tokenizer: z
      .string()
      .nullable()
      .default(null)
      .describe("Directory with the tokenizer.json of a new model; null takes the input `tokenizer`"),
    train_files: fileList
      .nullable()
      .default(null)
      .describe(
        "Raw text: .jsonl or .jsonl.gz of {text} or {input_ids, labels?}; null takes the input `texts`",
      ),
    packing: z
      .boolean()
      .default(true)
      .describe(
        "Texts one after the other in rows of full length (Brown et al. 2020, appendix B); false begins a row with each",
      ),
    document_mask: z
      .boolean()
      .default(false)
      .describe(
        "Whether tokens of a packed row see only their own text and count positions from its start; GPT-3 had no such mask",
      ),
    num_train_epochs: z.number().positive().default(1).describe("Passes over the texts"),
    ...trainingFields,
    residual_dropout: trainingFields.residual_dropout
      .unwrap()
      .default(0)
      .describe(
        "Share of the outputs of attention and MLP dropped in training (Brown et al. 2020 name none: 0)",
      ),
    learning_rate: z
      .number()
      .nonnegative()
      .default(6e-4)
      .describe("Peak learning rate (Brown et al. 2020, table 2.1, GPT-3 Small: 6e-4)"),
    weight_decay: z
      .number()
      .nonnegative()
      .default(0.1)
      .describe("Decoupled decay of matrices and embeddings (Brown et al. 2020, appendix B: 0.1)"),
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
/** The config of `pretrain` with its defaults filled in. */
export type PretrainConfig = z.output<typeof pretrainConfig>;

/** What the loop reads of either. */
export type TrainingConfig = Omit<
  z.output<z.ZodObject<typeof trainingFields>>,
  "eval_files" | "train_weights"
> &
  Pick<SftConfig, "num_train_epochs">;
