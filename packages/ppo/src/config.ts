import { ConfigError } from "@alignkit/core";
import { fileList, loraFields, optimizationFields } from "@alignkit/models";
import { z } from "zod";
import { ptxReductions } from "./functions.js";
import { rewardModules } from "./reward-modules.js";

/**
 * Configuration of PPO and PPO-ptx; keys as in TRL's `PPOConfig` and transformers' `TrainingArguments`.
 *
 * "Paper" is Ouyang et al. 2022; where it is silent, the comment says whose value stands here.
 */
export const ppoConfig = z.strictObject({
  prompt_files: fileList
    .nullable()
    .default(null)
    .describe(
      "Prompts: .jsonl or .jsonl.gz of {prompt}, {messages} or {input_ids}; null takes the input `prompts`",
    ),
  ptx_files: fileList
    .nullable()
    .default(null)
    .describe(
      "Pretraining text {text} for PPO-ptx; null takes the input `texts`; without either it is plain PPO",
    ),

  // Amount of work. Paper, appendix C.4.
  total_episodes: z.int().positive().default(256_000).describe("Episodes in all (paper: 256k)"),
  batch_size: z.int().positive().default(512).describe("Episodes of one iteration (paper: 512)"),
  num_mini_batches: z
    .int()
    .positive()
    .default(8)
    .describe("Minibatches an iteration is split into (paper: 512 / 64)"),
  num_ppo_epochs: z.int().positive().default(1).describe("Passes over an iteration's episodes (paper: 1)"),
  per_device_train_batch_size: z
    .int()
    .positive()
    .default(8)
    .describe("Rows of one forward pass; minibatches are split"),
  shuffle: z.boolean().default(true).describe("Prompts in random order; false keeps file order"),

  // Rollout.
  max_prompt_length: z
    .int()
    .positive()
    .default(1024)
    .describe("Longer prompts are dropped (paper: 1k tokens)"),
  response_length: z.int().positive().default(128).describe("Most tokens of a response (paper: up to 1k)"),
  temperature: z
    .number()
    .positive()
    .default(1)
    .describe("Divides the logits in sampling and every log-probability (paper: 1)"),
  top_k: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe(
      "Samples among this many tokens only; what was cut is cut in every log-probability, too (paper: none)",
    ),
  top_p: z
    .number()
    .positive()
    .max(1)
    .nullable()
    .default(null)
    .describe("Samples among the fewest tokens of this probability only; cut as with top_k (paper: none)"),
  truncate_token_id: z
    .int()
    .nonnegative()
    .nullable()
    .default(null)
    .describe(
      "Responses have full length; their text is scored up to the first of this token, all their tokens are learned (Ziegler: a full stop); null ends them at the end token",
    ),
  truncate_after: z
    .int()
    .nonnegative()
    .default(0)
    .describe("Place in the response from which on truncate_token_id counts (Ziegler: 16)"),
  generation_batch_size: z.int().positive().default(64).describe("Prompts that are continued together"),

  // Reward. Paper, eq. 2 and appendix C.4.
  reward_functions: rewardModules
    .default([])
    .describe(
      "Modules whose default export scores responses: (prompts, responses, tokens) => numbers; paths, or {module, name, weight}; added to the reward model, or instead of one; of weight 0 they are logged only",
    ),
  reward_model_weight: z.number().default(1).describe("Factor of the reward model's score"),
  score_placement: z
    .enum(["eos", "nplus"])
    .default("eos")
    .describe(
      "Step that receives the score: the last token, or as in the N+ details the padding after it, where there is room",
    ),
  kl_coef: z.number().nonnegative().default(0.02).describe("beta of the KL penalty (paper: 0.02)"),
  kl_estimator: z
    .enum(["k1", "k2", "k3"])
    .default("k1")
    .describe("Per-token estimate of the KL; k1 is the paper's"),
  kl_control: z.enum(["fixed", "adaptive"]).default("fixed").describe("adaptive follows Ziegler et al. 2019"),
  kl_target: z
    .number()
    .positive()
    .default(6)
    .describe("KL per episode to hold, nats, when adaptive (Ziegler: 6)"),
  kl_horizon: z.number().positive().default(10_000).describe("Episodes, when adaptive (Ziegler: 10k)"),
  max_kl: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe("Ends training when the KL per episode passes it"),
  missing_eos_penalty: z
    .number()
    .nonnegative()
    .default(0)
    .describe("Taken off the score of an unfinished response, as in TRL (paper: not given)"),
  missing_eos_score: z
    .number()
    .nullable()
    .default(null)
    .describe("The score of an unfinished response instead of its own (Ziegler, N+ details: -1)"),
  score_clip: z.number().positive().nullable().default(null).describe("Limits scores to plus and minus this"),
  whiten_rewards: z
    .boolean()
    .default(false)
    .describe("Rewards to unit variance, mean kept (Ziegler: true, N+: false)"),

  // Advantages and losses. The paper gives no discount; lambda and clips are those of Ziegler et al.
  gamma: z.number().min(0).max(1).default(1).describe("Discount (paper: none)"),
  lam: z.number().min(0).max(1).default(0.95).describe("lambda of GAE (Ziegler: 0.95)"),
  whiten_advantages: z
    .boolean()
    .default(true)
    .describe("Advantages to mean 0 and unit variance over the batch"),
  whiten_variance: z
    .enum(["unbiased", "population"])
    .default("unbiased")
    .describe("Divisor of the variance in whitening: N - 1 (TRL) or N (Ziegler, N+ details)"),
  cliprange: z.number().positive().default(0.2).describe("Clip of the policy ratio (paper: 0.2)"),
  cliprange_value: z
    .number()
    .positive()
    .nullable()
    .default(0.2)
    .describe("Clip of the values, null for none (Ziegler: 0.2)"),
  entropy_coef: z.number().nonnegative().default(0).describe("Entropy bonus (none in the paper)"),

  // Pretraining mix. Paper, appendix C.4.
  ptx_coef: z
    .number()
    .nonnegative()
    .default(27.8)
    .describe("gamma of eq. 2 (paper: 27.8); used when there are pretraining texts; 0 is plain PPO"),
  ptx_ratio: z.number().positive().default(8).describe("Pretraining texts per episode (paper: 8)"),
  ptx_reduction: z
    .enum(ptxReductions)
    .default("token_mean")
    .describe("Divisor of the pretraining loss: tokens, texts, or none; the paper does not say"),
  ptx_max_length: z.int().min(2).default(1024).describe("Tokens of a pretraining text; longer ones are cut"),

  // Optimization.
  ...loraFields,
  ...optimizationFields,
  adam_epsilon_form: optimizationFields.adam_epsilon_form.describe(
    "Where epsilon stands; the paper does not say: its nearest kin, Stiennon et al., is PyTorch code, Ziegler et al. TensorFlow's with 1e-5",
  ),
  learning_rate: z
    .number()
    .nonnegative()
    .default(8e-6)
    .describe("Policy; the paper swept 2.55e-6 to 2.55e-5, above 8.05e-6 diverged without ptx"),
  value_learning_rate: z.number().nonnegative().default(9e-6).describe("Value model (paper: 9e-6)"),
  lr_scheduler_type: optimizationFields.lr_scheduler_type
    .unwrap()
    .default("constant_with_warmup")
    .describe("Per iteration (paper: constant)"),
  warmup_steps: z.number().nonnegative().default(10).describe("Iterations of warm-up (paper: 10)"),
  warmup_start_ratio: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe("Where the warm-up starts, relative to the peak (paper: 0.1)"),
  ema_decay: z
    .number()
    .min(0)
    .lt(1)
    .nullable()
    .default(0.992)
    .describe("Average of the policy's weights; it is what is saved (paper: 0.992)"),
  ema_update: z
    .enum(["step", "iteration"])
    .default("step")
    .describe("What an update of the average follows; the paper does not say"),

  save_steps: z
    .int()
    .nonnegative()
    .default(10)
    .describe("Iterations between checkpoints; 0 saves only when interrupted"),
});

/** The config of the stage with its defaults filled in. */
export type PpoConfig = z.output<typeof ppoConfig>;

/** @throws {ConfigError} naming all settings that do not go together */
export function checkSettings(config: PpoConfig): void {
  const problems: string[] = [];
  if (config.batch_size % config.num_mini_batches !== 0)
    problems.push(
      `batch_size ${config.batch_size} is not a multiple of num_mini_batches ${config.num_mini_batches}`,
    );
  if (config.total_episodes < config.batch_size)
    problems.push(`total_episodes ${config.total_episodes} is less than batch_size ${config.batch_size}`);
  if (config.missing_eos_score !== null && config.missing_eos_penalty > 0)
    problems.push("missing_eos_score replaces the score that missing_eos_penalty is taken off; give one");
  if (config.truncate_after > 0 && config.truncate_token_id === null)
    problems.push(`truncate_after ${config.truncate_after} needs a truncate_token_id`);
  if (problems.length > 0) throw new ConfigError(`ppo: ${problems.join("; ")}`);
}
