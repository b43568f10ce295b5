/** Config fields of an AdamW run, named as in transformers' `TrainingArguments`, and what they mean to the core. */
import { type AdamWSettings, type Schedule, scheduleTypes } from "@alignkit/core";
import { isDecayParameter } from "@alignkit/models";
import { z } from "zod";

/** Fields for a config schema. Defaults are those of Ouyang et al. 2022, appendix C.2, where it gives them. */
export const optimizationFields = {
  /** Peak rate; C.2: 9e-6, and half as much or more does as well. */
  learning_rate: z.number().nonnegative().default(9e-6),
  /** C.2: cosine down to a tenth. */
  lr_scheduler_type: z.enum(scheduleTypes).default("cosine_with_min_lr"),
  /** Where `cosine_with_min_lr` ends, relative to the peak; C.2: 10 %. */
  min_lr_rate: z.number().min(0).max(1).default(0.1),
  /** Updates of linear warm-up, or below 1 their share of all updates, as in transformers 5; C.2 names none. */
  warmup_steps: z.number().nonnegative().default(0),
  /** Decoupled decay of matrices and embeddings; transformers: 0. The paper gives none. */
  weight_decay: z.number().nonnegative().default(0),
  /** Limit of the global gradient norm, null for none; transformers: 1. The paper gives none. */
  max_grad_norm: z.number().positive().nullable().default(1),
  /** C: 0.9 */
  adam_beta1: z.number().min(0).lt(1).default(0.9),
  /** C: 0.95 */
  adam_beta2: z.number().min(0).lt(1).default(0.95),
  /** transformers: 1e-8 */
  adam_epsilon: z.number().positive().default(1e-8),
  /** Where epsilon stands: as in PyTorch, or as in the TensorFlow code of OpenAI (see `AdamWSettings`). */
  adam_epsilon_form: z.enum(["pytorch", "tensorflow"]).default("pytorch"),
};

type OptimizationConfig = z.output<z.ZodObject<typeof optimizationFields>>;

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
