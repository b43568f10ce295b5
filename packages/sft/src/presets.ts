/** Settings of SFT that go by a name, each value beside where it comes from. */
import {
  fromCode,
  fromPaper,
  ownChoice,
  type StagePreset,
  type StagePresets,
  valuesOf,
} from "@alignkit/core";
import {
  cosineToZero,
  instructGptAdam,
  instructGptCosine,
  nplusAdamW,
  stiennonAdam,
  wholeModel,
} from "@alignkit/models";
import type { z } from "zod";
import type { sftConfig } from "./config.js";

type SftPreset = StagePreset<z.input<typeof sftConfig>>;

const wholeBatch = ownChoice(
  1,
  "the batch as one forward pass; a divisor of the batch here, and the batch divided by it, give the same with less memory",
);

/** What the papers leave open, and each preset of them takes alike. */
const common = {
  ...wholeModel,
  gradient_accumulation_steps: wholeBatch,
  loss_reduction: ownChoice("token_mean", "each learned token of an update counts the same"),
  append_eos: ownChoice(true, "a policy that never saw an end token does not stop"),
  shuffle: ownChoice(true, "the usual; the paper does not say"),
  completion_only_loss: ownChoice(true, "the paper does not say whether prompts are learned, too"),
  packing: ownChoice(false, "one example a row; the paper does not say"),
  load_best_model_at_end: ownChoice(false, "needs held-out data and eval_steps"),
} satisfies SftPreset["values"];

const instructGpt = {
  ...common,
  ...instructGptAdam,
  max_length: ownChoice(null, "what the model takes; GPT-3 takes the 2k tokens of appendix C"),
  too_long: ownChoice("drop", "appendix C leaves out long prompts; of whole examples it does not say"),
} satisfies SftPreset["values"];

/** The supervised baseline, which the paper calls SFT: appendix C.1. */
function baseline(size: string, learningRate: number, batchSize: number) {
  return {
    description: `SFT ${size}, the baseline of appendix C.1 (Ouyang et al. 2022)`,
    values: {
      ...instructGpt,
      ...instructGptCosine("appendix C.1"),
      num_train_epochs: fromPaper(16, "appendix C.1"),
      per_device_train_batch_size: fromPaper(batchSize, "appendix C.1"),
      learning_rate: fromPaper(learningRate, "appendix C.1"),
      residual_dropout: fromPaper(0.2, "appendix C.1"),
      pretrain_mix: fromPaper(0, "appendix C.1"),
    },
    departures: [
      "float32 in place of float16 with float32 masters",
      "the last weights; those that a reward model scores best are kept with load_best_model_at_end, eval_steps and the inputs rewardModel and prompts",
    ],
  } satisfies SftPreset;
}

const smallestBaseline = baseline("1.3B", 9.65e-6, 32);

/** Where PPO starts and what its KL is measured against: appendix C.3. */
function initializer(size: string, learningRate: number, batchSize: number): SftPreset {
  return {
    description: `where PPO ${size} starts, and its reference: appendix C.3 (Ouyang et al. 2022)`,
    values: {
      ...instructGpt,
      ...instructGptCosine("appendix C.3"),
      warmup_steps: ownChoice(0, "appendix C.3 does not say; none in C.1"),
      num_train_epochs: fromPaper(2, "appendix C.3"),
      per_device_train_batch_size: fromPaper(batchSize, "appendix C.3"),
      learning_rate: fromPaper(learningRate, "appendix C.3"),
      residual_dropout: ownChoice(0.2, "appendix C.3 does not say; as in C.1"),
      pretrain_mix: fromPaper(0.1, "appendix C.3; of the examples, which it does not say"),
    },
    departures: ["float32 in place of float16 with float32 masters"],
  };
}

const stiennon: SftPreset = {
  description: "the supervised baseline 1.3B on TL;DR (Stiennon et al. 2020)",
  values: {
    ...common,
    ...stiennonAdam,
    num_train_epochs: fromPaper(1, "appendix B.1"),
    per_device_train_batch_size: fromPaper(128, "appendix B.1"),
    learning_rate: fromPaper(6.35e-5, "appendix B.1, 1.3B; 5.66e-5 for 3B, 2.83e-5 for 6.7B"),
    lr_scheduler_type: fromPaper("cosine", "appendix B.1"),
    warmup_steps: ownChoice(0, "the paper names none"),
    residual_dropout: ownChoice(0, "the paper names none"),
    pretrain_mix: fromPaper(0, "appendix B.1"),
    max_length: ownChoice(null, "what the model takes"),
    too_long: ownChoice("error", "posts were cut at line breaks to 512 tokens beforehand (appendix B.2)"),
  },
  departures: ["float32 in place of float16 (appendix B.1)"],
};

const nplus: SftPreset = {
  description: "SFT on TL;DR (Huang et al. 2024, the N+ implementation details)",
  values: {
    ...common,
    ...nplusAdamW,
    ...cosineToZero("sft.py: Args.scheduler"),
    num_train_epochs: fromCode(1, "sft.py: Args.num_train_epochs"),
    per_device_train_batch_size: fromCode(1, "sft.py: Args.local_micro_batch_size"),
    gradient_accumulation_steps: fromCode(128, "sft.py: 16, on each of the 8 processes of deepspeed.yaml"),
    loss_reduction: fromCode("micro_mean", "sft.py: the mean of each row's own mean"),
    learning_rate: fromCode(3e-6, "sft.py: Args.lr"),
    residual_dropout: fromCode(0, "sft.py: disable_dropout"),
    pretrain_mix: fromCode(0, "sft.py takes no other texts"),
    completion_only_loss: fromCode(false, "sft.py: labels are all tokens but padding"),
    append_eos: fromCode(true, "tldr_dataset.py: reference responses end with one"),
    max_length: ownChoice(null, "what the model takes"),
    too_long: ownChoice("error", "posts were cut at line breaks to 512 tokens beforehand (tldr_dataset.py)"),
  },
  departures: ["float32 in place of bfloat16 (deepspeed.yaml)"],
};

const small: SftPreset = {
  description: "a model of some hundred thousand to some million parameters, in minutes on a CPU",
  values: {
    ...valuesOf("instructgpt-1.3b", smallestBaseline.values),
    num_train_epochs: ownChoice(3, "as in the demo: the paper's 16 overfit"),
    per_device_train_batch_size: ownChoice(16, "as in the demo: more steps from little data"),
    learning_rate: ownChoice(2e-3, "as in the demo: small models take a high rate"),
    residual_dropout: ownChoice(0, "as in the demo: small models underfit"),
    pretrain_mix: ownChoice(0, "needs texts; the demo mixes 0.1, as in appendix C.3"),
    too_long: ownChoice("drop", "small models have few positions"),
  },
};

export const sftPresets = {
  "instructgpt-1.3b": smallestBaseline,
  "instructgpt-6b": baseline("6B", 9.65e-6, 32),
  "instructgpt-175b": baseline("175B", 5.03e-6, 8),
  "instructgpt-1.3b-init": initializer("1.3B", 5e-6, 32),
  "instructgpt-6b-init": initializer("6B", 1.04e-5, 32),
  "instructgpt-175b-init": initializer("175B", 2.45e-6, 8),
  stiennon,
  nplus,
  small,
} satisfies StagePresets<z.input<typeof sftConfig>>;
