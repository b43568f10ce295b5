/** Settings of the reward model that go by a name, each value beside where it comes from. */
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
  linearToZero,
  nplusAdamW,
  stiennonAdam,
  wholeModel,
  zieglerAdam,
} from "@alignkit/models";
import type { z } from "zod";
import type { rewardConfig } from "./config.js";

type RewardPreset = StagePreset<z.input<typeof rewardConfig>>;

/** What the papers leave open, and each preset of them takes alike. */
const common = {
  ...wholeModel,
  gradient_accumulation_steps: ownChoice(
    1,
    "the batch as one forward pass; a divisor of the batch here, and the batch divided by it, give the same with less memory",
  ),
  append_eos: ownChoice(true, "the score of a finished response is read at its end token"),
  shuffle: ownChoice(true, "the usual; the paper does not say"),
  max_length: ownChoice(null, "what the model takes"),
  too_long: ownChoice("drop", "as of long prompts"),
} satisfies RewardPreset["values"];

/** One model of 6B scores the policies of every size. */
const instructGpt = {
  description: "the reward model of 6B, which serves policies of every size (Ouyang et al. 2022)",
  values: {
    ...common,
    ...instructGptAdam,
    ...instructGptCosine("appendix C.2"),
    warmup_steps: ownChoice(0, "appendix C.2 does not say; none in C.1"),
    num_train_epochs: fromPaper(1, "appendix C.2; more overfit"),
    per_device_train_batch_size: fromPaper(64, "appendix C.2: 64 prompts, each with all its pairs"),
    learning_rate: fromPaper(9e-6, "appendix C.2"),
    loss_normalization: ownChoice(
      "valid_pairs",
      "ties are dropped (appendix C.2), and the paper does not say whether K (K - 1) / 2 of equation 1 counts them",
    ),
    center_rewards_coefficient: fromPaper(0, "equation 1 has no such term"),
  },
  departures: [
    "float32 in place of float16 with float32 masters",
    "the 6B model was fine-tuned on public NLP datasets first (appendix C.2); from SFT gave similar results",
  ],
} satisfies RewardPreset;

const ziegler: RewardPreset = {
  description: "the reward model of sentiment and descriptiveness (Ziegler et al. 2019)",
  values: {
    ...common,
    ...zieglerAdam,
    ...linearToZero("train_reward.py: train"),
    num_train_epochs: fromCode(1, "train_reward.py: train; each label once"),
    per_device_train_batch_size: fromCode(32, "launch.py: batch_size"),
    learning_rate: fromCode(5e-5, "launch.py: lr"),
    append_eos: fromCode(false, "responses have a fixed length and no end token"),
    loss_normalization: ownChoice("valid_pairs", "the loss is another one; see the departures"),
    center_rewards_coefficient: fromCode(0, "label_types.py has no such term"),
  },
  departures: [
    "the loss is a softmax over the best of four; here all pairs of a ranking, of which only the best one's are untied",
    "a gain and a bias bring the mean to 0 and the deviation to 1 on the policy's samples, before and after training; here a bias on demonstrations",
  ],
};

const stiennon: RewardPreset = {
  description: "the reward model 1.3B on TL;DR (Stiennon et al. 2020)",
  values: {
    ...common,
    ...stiennonAdam,
    num_train_epochs: fromPaper(1, "appendix B.1"),
    per_device_train_batch_size: fromPaper(64, "appendix B.1: 64 pairs"),
    learning_rate: fromPaper(1.5e-5, "appendix B.1, 1.3B; 5e-6 for 6.7B"),
    lr_scheduler_type: fromPaper("cosine", "appendix B.1"),
    warmup_steps: ownChoice(0, "the paper names none"),
    loss_normalization: ownChoice("valid_pairs", "of pairs each choice is the same"),
    center_rewards_coefficient: fromPaper(0, "section 3.4 has no such term"),
  },
  departures: [
    "one run, where the paper keeps the best on validation data of 3 to 10 seeds (appendix B.1)",
    "float32 in place of float16 activations",
  ],
};

const nplus: RewardPreset = {
  description: "the reward model on TL;DR (Huang et al. 2024, the N+ implementation details)",
  values: {
    ...common,
    ...nplusAdamW,
    ...cosineToZero("reward.py: Args.scheduler"),
    num_train_epochs: fromCode(1, "reward.py: Args.num_train_epochs"),
    per_device_train_batch_size: fromCode(
      64,
      "reward.py: 8 pairs on each of the 8 processes of deepspeed.yaml",
    ),
    learning_rate: fromCode(3e-6, "reward.py: Args.lr"),
    loss_normalization: ownChoice("valid_pairs", "of pairs each choice is the same"),
    center_rewards_coefficient: fromCode(0, "reward.py has no such term"),
  },
  departures: ["float32 in place of bfloat16 (deepspeed.yaml)"],
};

const small: RewardPreset = {
  description: "a model of some hundred thousand to some million parameters, in minutes on a CPU",
  values: {
    ...valuesOf("instructgpt-1.3b", instructGpt.values),
    per_device_train_batch_size: ownChoice(8, "as in the demo: more steps from few rankings"),
    learning_rate: ownChoice(1.5e-3, "as in the demo: small models take a high rate"),
    warmup_steps: ownChoice(0.05, "as in the demo: the head is new"),
  },
};

export const rewardPresets = {
  "instructgpt-1.3b": instructGpt,
  "instructgpt-6b": instructGpt,
  "instructgpt-175b": instructGpt,
  ziegler,
  stiennon,
  nplus,
  small,
} satisfies StagePresets<z.input<typeof rewardConfig>>;
