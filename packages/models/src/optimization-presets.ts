/** The optimizer of each paper, as parts of the stages' presets. */
import { fromCode, fromPaper, ownChoice, type StagePreset } from "@alignkit/core";
import type { z } from "zod";
import type { optimizationFields } from "./optimization.js";

type OptimizationValues = StagePreset<z.input<z.ZodObject<typeof optimizationFields>>>["values"];

const noWarmUp = (place: string) => ({ warmup_steps: fromCode(0, place) });

/** None of the papers trains an adapter. */
export const wholeModel = { use_peft: fromPaper(false, "all weights are trained") };

const asGpt3 = "the paper names none; GPT-3's (Brown et al. 2020, appendix B)";

/** Stiennon et al. 2020, appendix B.1, says Adam and no more; the rest is as in GPT-3, which the models are. */
export const stiennonAdam = {
  weight_decay: ownChoice(0, "the paper names none; 0.1 was GPT-3's in pretraining"),
  max_grad_norm: ownChoice(1, asGpt3),
  adam_beta1: ownChoice(0.9, asGpt3),
  adam_beta2: ownChoice(0.95, asGpt3),
  adam_epsilon: ownChoice(1e-8, asGpt3),
  adam_epsilon_form: ownChoice("pytorch", "the paper does not say; the form of Kingma and Ba's algorithm 1"),
} satisfies OptimizationValues;

/** Ouyang et al. 2022, appendix C; what it leaves out is as in GPT-3 here, too. */
export const instructGptAdam = {
  ...stiennonAdam,
  adam_beta1: fromPaper(0.9, "appendix C"),
  adam_beta2: fromPaper(0.95, "appendix C"),
} satisfies OptimizationValues;

/** Cosine down to a tenth, without warm-up. @param place - section of the paper */
export const instructGptCosine = (place: string) =>
  ({
    lr_scheduler_type: fromPaper("cosine_with_min_lr", place),
    min_lr_rate: fromPaper(0.1, place),
    warmup_steps: fromPaper(0, place),
  }) satisfies OptimizationValues;

/** Ziegler et al. 2019: TensorFlow's Adam. */
export const zieglerAdam = {
  weight_decay: fromCode(0, "utils/core.py: minimize"),
  max_grad_norm: fromCode(null, "utils/core.py: minimize clips nothing"),
  adam_beta1: fromCode(0.9, "TensorFlow's AdamOptimizer"),
  adam_beta2: fromCode(0.999, "TensorFlow's AdamOptimizer"),
  adam_epsilon: fromCode(1e-5, "utils/core.py: minimize"),
  adam_epsilon_form: fromCode("tensorflow", "TensorFlow's AdamOptimizer"),
} satisfies OptimizationValues;

/** Linear down to 0, without warm-up. @param place - file, and name in it */
export const linearToZero = (place: string) =>
  ({ lr_scheduler_type: fromCode("linear", place), ...noWarmUp(place) }) satisfies OptimizationValues;

/** Huang et al. 2024: PyTorch's AdamW as it comes, but for epsilon. */
export const nplusAdamW = {
  weight_decay: fromCode(0.01, "default of torch.optim.AdamW"),
  max_grad_norm: fromCode(null, "the training loops clip nothing"),
  adam_beta1: fromCode(0.9, "default of torch.optim.AdamW"),
  adam_beta2: fromCode(0.999, "default of torch.optim.AdamW"),
  adam_epsilon: fromCode(1e-5, "sft.py, reward.py, ppo.py: Args.eps"),
  adam_epsilon_form: fromCode("pytorch", "torch.optim.AdamW"),
} satisfies OptimizationValues;

/** Cosine down to 0, without warm-up. @param place - file, and name in it */
export const cosineToZero = (place: string) =>
  ({ lr_scheduler_type: fromCode("cosine", place), ...noWarmUp(place) }) satisfies OptimizationValues;
