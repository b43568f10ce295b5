/** Config fields of an AdamW run, named as in transformers' `TrainingArguments`, and what they mean to the core. */
import { type AdamWSettings, type Schedule, scheduleTypes } from "@alignkit/core";
import { z } from "zod";
import { isDecayParameter } from "./parameters.js";

/** Fields for a config schema. Defaults are those of Ouyang et al. 2022, appendix C.1, where it gives them. */
export const optimizationFields = {
  learning_rate: z
    .number()
    .nonnegative()
    .default(9.65e-6)
    .describe("Peak (paper, C.1: 9.65e-6 for 1.3B and 6B)"),
  lr_scheduler_type: z
    .enum(scheduleTypes)
    .default("cosine_with_min_lr")
    .describe("Course of the learning rate (paper, C.1: cosine down to a tenth)"),
  min_lr_rate: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe("Where cosine_with_min_lr ends, relative to the peak (paper, C.1: 10 %)"),
  warmup_steps: z
    .number()
    .nonnegative()
    .default(0)
    .describe(
      "Updates of linear warm-up, or below 1 their share of all, as in transformers 5 (paper, C.1: none)",
    ),
  weight_decay: z
    .number()
    .nonnegative()
    .default(0)
    .describe("Decoupled decay of matrices and embeddings (paper: none given; transformers: 0)"),
  max_grad_norm: z
    .number()
    .positive()
    .nullable()
    .default(1)
    .describe("Limit of the global gradient norm, null for none (paper: none given; transformers: 1)"),
  adam_beta1: z.number().min(0).lt(1).default(0.9).describe("Decay of the first moment (paper, C: 0.9)"),
  adam_beta2: z.number().min(0).lt(1).default(0.95).describe("Decay of the second moment (paper, C: 0.95)"),
  adam_epsilon: z.number().positive().default(1e-8).describe("Added to the denominator (transformers: 1e-8)"),
  adam_epsilon_form: z
    .enum(["pytorch", "tensorflow"])
    .default("pytorch")
    .describe(
      "Where epsilon stands: after the bias correction (PyTorch), or before it (TensorFlow, OpenAI's code)",
    ),
};

/** The values of `optimizationFields`. */
export type OptimizationConfig = z.output<z.ZodObject<typeof optimizationFields>>;

/** AdamW as a stage's config has it; norms and biases do not decay. */
export function adamWSettings(config: OptimizationConfig): AdamWSettings {
  return {
    beta1: config.adam_beta1,
    beta2: config.adam_beta2,
    epsilon: config.adam_epsilon,
    epsilonForm: config.adam_epsilon_form,
    weightDecay: config.weight_decay,
    decays: isDecayParameter,
    maxGradNorm: config.max_grad_norm ?? undefined,
  };
}

/** @param steps - updates in all */
export function scheduleOf(config: OptimizationConfig, steps: number): Schedule {
  const { warmup_steps: warmup } = config;
  return {
    type: config.lr_scheduler_type,
    peak: config.learning_rate,
    steps,
    warmupSteps: warmup < 1 ? Math.ceil(warmup * steps) : warmup,
    minimumRatio: config.min_lr_rate,
  };
}
