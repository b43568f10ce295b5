/**
 * What this stage's metrics are called in TRL's `PPOTrainer`: for trackers that log under both names.
 *
 * The names of this stage are those of Ziegler et al. 2019 (lm-human-preferences); all of TRL's have one here.
 */
export const trlMetricNames: Readonly<Record<string, string>> = {
  episodes_per_second: "eps",
  episode: "episode",
  learning_rate: "lr",
  "objective/kl": "objective/kl",
  "objective/entropy": "objective/entropy",
  "objective/non_score_reward": "objective/non_score_reward",
  "objective/score_total": "objective/rlhf_reward",
  "objective/score": "objective/scores",
  "ppo/policy/approxkl": "policy/approxkl_avg",
  "ppo/policy/clipfrac": "policy/clipfrac_avg",
  "ppo/policy/entropy": "policy/entropy_avg",
  "ppo/loss/policy": "loss/policy_avg",
  "ppo/loss/value": "loss/value_avg",
  "ppo/val/clipfrac": "val/clipfrac_avg",
  "ppo/policy/ratio": "val/ratio",
  "ppo/policy/ratio_var": "val/ratio_var",
  "objective/num_eos": "val/num_eos_tokens",
};
