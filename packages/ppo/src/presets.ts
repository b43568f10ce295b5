/** Settings of PPO that go by a name, each value beside where it comes from. */
import {
  fromCode,
  fromPaper,
  ownChoice,
  type PresetValue,
  type StagePreset,
  type StagePresets,
  valuesOf,
} from "@alignkit/core";
import {
  instructGptAdam,
  linearToZero,
  nplusAdamW,
  stiennonAdam,
  wholeModel,
  zieglerAdam,
} from "@alignkit/models";
import type { z } from "zod";
import type { ppoConfig } from "./config.js";

type PpoPreset = StagePreset<z.input<typeof ppoConfig>>;
type PpoValues = PpoPreset["values"];

/** Changes memory and speed, not the result. */
const rows = {
  per_device_train_batch_size: ownChoice(8, "memory and speed only: minibatches are split"),
  generation_batch_size: ownChoice(64, "memory and speed only"),
} satisfies PpoValues;

/** What the papers leave open, and each preset of them takes alike. */
const common = {
  ...wholeModel,
  ...rows,
  shuffle: ownChoice(true, "the usual"),
  kl_estimator: fromPaper("k1", "the log-ratio of the sampled token"),
  max_kl: ownChoice(null, "nothing ends the run early"),
  score_clip: ownChoice(null, "the paper clips no scores"),
  entropy_coef: fromPaper(0, "the objective has no such term"),
  top_k: fromPaper(null, "samples from the whole distribution"),
  top_p: fromPaper(null, "samples from the whole distribution"),
  reward_model_weight: fromPaper(1, "the reward model's score alone"),
  score_placement: ownChoice("eos", "the end of the response, where the episode ends"),
  missing_eos_penalty: ownChoice(0, "missing_eos_score stands for it"),
  missing_eos_score: ownChoice(null, "the paper does not speak of unfinished responses"),
  truncate_token_id: ownChoice(null, "responses end at the end token"),
  truncate_after: ownChoice(0, "responses end at the end token"),
  whiten_variance: ownChoice("unbiased", "as in TRL; N and N - 1 are near"),
  ema_update: ownChoice("step", "the paper does not say whether steps or iterations are averaged"),
} satisfies PpoValues;

/** Keys that mean something only with pretraining texts, in papers without them. */
const withoutTexts = { ptx_coef: fromPaper(0, "no pretraining mix") } satisfies PpoValues;

const fixedKl = { kl_control: fromPaper("fixed", "the coefficient does not change") } satisfies PpoValues;

/** PPO-ptx; give `ptx_coef: 0` for the paper's PPO. */
function instructGpt(size: string, learningRate: PresetValue<number>, valueLearningRate: number) {
  return {
    description: `PPO-ptx ${size}, which the paper calls InstructGPT (Ouyang et al. 2022); with ptx_coef 0 its PPO`,
    values: {
      ...common,
      ...instructGptAdam,
      ...fixedKl,
      kl_estimator: fromPaper("k1", "equation 2: log of the ratio of the sampled token"),
      entropy_coef: fromPaper(0, "equation 2 has no such term"),
      total_episodes: fromPaper(256_000, "appendix C.4"),
      batch_size: fromPaper(512, "appendix C.4"),
      num_mini_batches: fromPaper(8, "appendix C.4: minibatches of 64"),
      num_ppo_epochs: fromPaper(1, "appendix C.4"),
      max_prompt_length: fromPaper(1024, "appendix C: prompts over 1k tokens are left out"),
      response_length: fromPaper(1024, "appendix C: responses of up to 1k tokens"),
      temperature: fromPaper(1, "appendix C.4"),
      kl_coef: fromPaper(0.02, "appendix C.4"),
      whiten_rewards: ownChoice(false, "the paper does not say; scores are normalised by the bias"),
      gamma: fromPaper(1, "appendix C.4: no discount"),
      lam: ownChoice(0.95, "the paper names none; Ziegler et al. 2019"),
      whiten_advantages: ownChoice(true, "the paper does not say; Ziegler et al. 2019"),
      cliprange: fromPaper(0.2, "appendix C.4"),
      cliprange_value: ownChoice(0.2, "the paper names none; Ziegler et al. 2019"),
      ptx_coef: fromPaper(27.8, "appendix C.4"),
      ptx_ratio: fromPaper(8, "appendix C.4: eight times as many pretraining examples"),
      ptx_reduction: ownChoice("token_mean", "the paper does not say; ptx/grad_norm_ratio shows its weight"),
      ptx_max_length: ownChoice(1024, "the paper does not say; half of the context bounds the cost"),
      learning_rate: learningRate,
      value_learning_rate: fromPaper(
        valueLearningRate,
        "appendix C.4, fixed; warmed up with the policy's here, which it does not say",
      ),
      lr_scheduler_type: fromPaper("constant_with_warmup", "appendix C.4"),
      warmup_steps: fromPaper(10, "appendix C.4: ten iterations"),
      warmup_start_ratio: fromPaper(0.1, "appendix C.4: from a tenth of the peak"),
      ema_decay: fromPaper(0.992, "appendix C.4"),
    },
    departures: ["float32 in place of float16 with float32 masters"],
  } satisfies PpoPreset;
}

const sweptRate = ownChoice(
  8e-6,
  "the paper prints no final rate; of its sweep (2.55e-6 to 2.55e-5, appendix E.9) all above 8.05e-6 diverged without pretraining mix",
);

const largestRate = ownChoice(
  2.55e-6,
  "the paper prints no final rate; the lower of the two that it tried at this size, 2.55e-6 and 3.74e-6 (appendix E.9)",
);

const ziegler: PpoPreset = {
  description: "sentiment and descriptiveness on GPT-2 124M (Ziegler et al. 2019)",
  values: {
    ...common,
    ...withoutTexts,
    ...zieglerAdam,
    ...linearToZero("train_policy.py: train_minibatch"),
    total_episodes: fromCode(1_000_000, "launch.py: ppo.total_episodes"),
    batch_size: fromCode(512, "launch.py: ppo.batch_size"),
    num_mini_batches: fromCode(1, "train_policy.py: PpoHParams.nminibatches"),
    num_ppo_epochs: fromCode(4, "train_policy.py: PpoHParams.noptepochs"),
    max_prompt_length: fromCode(64, "launch.py: query_length"),
    response_length: fromCode(24, "launch.py: response_length"),
    temperature: fromCode(0.7, "launch.py: policy.temperature"),
    kl_coef: fromCode(0.15, "launch.py: rewards.kl_coef"),
    kl_control: fromCode("adaptive", "launch.py: rewards.adaptive_kl"),
    kl_target: fromCode(6, "launch.py: rewards.adaptive_kl.target"),
    kl_horizon: fromCode(10_000, "train_policy.py: AdaptiveKLParams.horizon"),
    score_placement: fromCode("eos", "train_policy.py: compute_rewards, the last of the 24 tokens"),
    missing_eos_score: fromCode(-1, "lm_tasks.py: TaskHParams.penalty_reward_value"),
    truncate_token_id: fromCode(13, "launch.py: books_task.truncate_token, GPT-2's full stop"),
    truncate_after: fromCode(16, "launch.py: books_task.truncate_after"),
    whiten_variance: fromCode("population", "utils/core.py: whiten, tf.nn.moments"),
    whiten_rewards: fromCode(true, "train_policy.py: PpoHParams.whiten_rewards"),
    gamma: fromCode(1, "train_policy.py: PpoHParams.gamma"),
    lam: fromCode(0.95, "train_policy.py: PpoHParams.lam"),
    whiten_advantages: fromCode(true, "train_policy.py: loss"),
    cliprange: fromCode(0.2, "train_policy.py: PpoHParams.cliprange"),
    cliprange_value: fromCode(0.2, "train_policy.py: PpoHParams.cliprange_value"),
    learning_rate: fromCode(1e-5, "launch.py: ppo.lr"),
    value_learning_rate: ownChoice(1e-5, "the value head was part of the policy and shared its rate"),
    ema_decay: fromCode(null, "no average is kept"),
  },
  departures: [
    "the value is a head on the policy that starts at 0, with its loss times 0.1; here a model of its own",
    "rewards and advantages are whitened over the 64 episodes of each process; here over all 512",
  ],
};

const stiennon: PpoPreset = {
  description: "TL;DR with a policy of 1.3B (Stiennon et al. 2020)",
  values: {
    ...common,
    ...withoutTexts,
    ...stiennonAdam,
    ...fixedKl,
    total_episodes: fromPaper(1_000_000, "appendix B.1"),
    batch_size: fromPaper(512, "appendix B.1; 256 for 6.7B"),
    num_mini_batches: ownChoice(1, "the paper does not say; Ziegler et al. 2019"),
    num_ppo_epochs: fromPaper(4, "appendix B.1"),
    max_prompt_length: fromCode(512, "experiment_helpers.py: tldr_task"),
    response_length: fromCode(48, "experiment_helpers.py: tldr_task"),
    temperature: ownChoice(0.7, "the paper does not say; as in Ziegler et al. 2019 and Huang et al. 2024"),
    kl_coef: fromPaper(0.05, "appendix B.1"),
    missing_eos_score: ownChoice(-1, "the paper does not say; Huang et al. 2024"),
    whiten_rewards: ownChoice(false, "the paper does not say; Huang et al. 2024"),
    gamma: fromPaper(1, "appendix B.1"),
    lam: fromPaper(0.95, "appendix B.1"),
    whiten_advantages: ownChoice(true, "the paper does not say; Ziegler et al. 2019"),
    cliprange: ownChoice(0.2, "the paper does not say; Ziegler et al. 2019"),
    cliprange_value: ownChoice(0.2, "the paper does not say; Ziegler et al. 2019"),
    learning_rate: fromPaper(1.5e-5, "appendix B.1, 1.3B; 7e-6 for 6.7B"),
    value_learning_rate: ownChoice(1.5e-5, "the paper names one rate"),
    lr_scheduler_type: fromPaper("linear", "appendix B.1"),
    warmup_steps: ownChoice(0, "the paper names none"),
    ema_decay: ownChoice(null, "the paper speaks of no average"),
  },
  departures: [
    "longer posts are cut at line breaks (appendix B.2); here they are left out",
    "float32 in place of float16 activations",
  ],
};

const nplus: PpoPreset = {
  description: "TL;DR with Pythia (Huang et al. 2024, the N+ implementation details)",
  values: {
    ...common,
    ...withoutTexts,
    ...nplusAdamW,
    ...fixedKl,
    ...linearToZero("ppo.py: lrnow"),
    total_episodes: fromCode(1_000_000, "ppo.py: Args.total_episodes"),
    batch_size: fromCode(512, "hello_world.sh: 64 on each of the 8 processes of deepspeed.yaml"),
    num_mini_batches: fromCode(1, "ppo.py: Args.nminibatches"),
    num_ppo_epochs: fromCode(4, "ppo.py: PpoHParams.noptepochs"),
    max_prompt_length: fromCode(512, "tldr_dataset.py: tldr_params.length"),
    response_length: fromCode(53, "ppo.py: Args.response_length"),
    temperature: fromCode(0.7, "ppo.py: Args.temperature"),
    kl_coef: fromCode(0.05, "ppo.py: PpoHParams.kl_coef"),
    score_placement: fromCode("nplus", "ppo.py: actual_end, the first padding token"),
    missing_eos_score: fromCode(-1, "ppo.py: non_eos_penalty and penalty_reward_value"),
    whiten_variance: fromCode("population", "ppo.py: masked_whiten asks masked_var for no correction"),
    whiten_rewards: fromCode(false, "ppo.py: PpoHParams.whiten_rewards"),
    gamma: fromCode(1, "ppo.py: PpoHParams.gamma"),
    lam: fromCode(0.95, "ppo.py: PpoHParams.lam"),
    whiten_advantages: fromCode(true, "ppo.py: masked_whiten"),
    cliprange: fromCode(0.2, "ppo.py: PpoHParams.cliprange"),
    cliprange_value: fromCode(0.2, "ppo.py: PpoHParams.cliprange_value"),
    learning_rate: fromCode(3e-6, "ppo.py: Args.lr"),
    value_learning_rate: fromCode(3e-6, "ppo.py: one optimizer for policy and value model"),
    ema_decay: fromCode(null, "no average is kept"),
  },
  departures: [
    "the value loss is times 0.1 (ppo.py: vf_coef); to Adam, which divides by the size of gradients, this is nearly nothing",
    "advantages are whitened over the 64 episodes of each process, and losses averaged over tokens of 1, 4 or 16 rows first; here both over all 512",
    "longer posts are cut at line breaks (tldr_dataset.py); here they are left out",
    "float32 in place of bfloat16 (deepspeed.yaml)",
  ],
};

const smallest = instructGpt("1.3B", sweptRate, 9e-6);

const small: PpoPreset = {
  description: "a model of some hundred thousand to some million parameters, in minutes on a CPU",
  values: {
    ...valuesOf("instructgpt-1.3b", smallest.values),
    per_device_train_batch_size: ownChoice(64, "one forward pass per minibatch"),
    generation_batch_size: ownChoice(256, "one batch per iteration"),
    total_episodes: ownChoice(6144, "as in the demo: 24 iterations"),
    batch_size: ownChoice(256, "as in the demo"),
    num_mini_batches: ownChoice(4, "as in the demo: minibatches of 64, as in the paper"),
    response_length: ownChoice(40, "as in the demo"),
    kl_coef: ownChoice(0.1, "as in the demo: a small reward model is misled sooner"),
    missing_eos_penalty: ownChoice(1, "as in the demo: a small policy forgets to stop"),
    ptx_coef: ownChoice(0.5, "as in the demo: 27.8 with one text per episode drowns the reward"),
    ptx_ratio: ownChoice(1, "as in the demo: eight cost more than the rest of the step"),
    ptx_max_length: ownChoice(128, "as many tokens as the demo's model has"),
    learning_rate: ownChoice(5e-4, "as in the demo: small models take a high rate"),
    value_learning_rate: ownChoice(1e-3, "as in the demo"),
    lr_scheduler_type: ownChoice("linear", "as in the demo: the run is short"),
    warmup_steps: ownChoice(2, "as in the demo: the run is short"),
    ema_decay: ownChoice(null, "as in the demo: too few steps to average"),
  },
};

export const ppoPresets = {
  "instructgpt-1.3b": smallest,
  "instructgpt-6b": instructGpt("6B", sweptRate, 9e-6),
  "instructgpt-175b": instructGpt("175B", largestRate, 5e-6),
  ziegler,
  stiennon,
  nplus,
  small,
} satisfies StagePresets<z.input<typeof ppoConfig>>;
