/** What is read off the hidden states. */
import {
  exp,
  linear,
  linearTokenLogProbs,
  logSoftmax,
  mul,
  reshape,
  select,
  sum,
  type Tensor,
  takeAlongLast,
} from "@alignkit/core";
import type { ModelConfig } from "./config.js";
import { type Linear, type ParameterTensors, parameterOf } from "./decoder-layer.js";
import { hidden as masked } from "./masks.js";
import { parameterNames } from "./parameters.js";

/**
 * Log-probabilities of given next tokens, and the entropy of the distributions they come from, in nats.
 * @param hidden - `[M, D]`, from {@link hiddenStates}: of the tokens after which one is predicted
 * @param targets - int32 `[M]`: that next token
 * @param temperature - divides the logits
 * @param allowed - bool `[M, V]`: the tokens that could be drawn, where top-k or top-p cut the others off; all by default
 * @returns `[M]` each
 */
export function tokenLogProbs(
  config: ModelConfig,
  parameters: ParameterTensors,
  hidden: Tensor,
  targets: Tensor,
  temperature = 1,
  allowed?: Tensor,
): { readonly logProbs: Tensor; readonly entropy: Tensor } {
  // D numbers a row are scaled, not V.
  const scaled = temperature === 1 ? hidden : mul(hidden, 1 / temperature);
  const weight = headWeight(config, parameters);
  if (allowed === undefined) return linearTokenLogProbs(scaled, weight, targets);
  const all = logSoftmax(select(allowed, linear(scaled, weight), masked));
  return { logProbs: takeAlongLast(all, targets), entropy: mul(sum(mul(exp(all), all), -1), -1) };
}

/**
 * Next-token logits.
 * @param hidden - `[M, D]`
 * @param multiply - core's `linear` by default
 * @returns `[M, V]`
 */
export function logits(
  config: ModelConfig,
  parameters: ParameterTensors,
  hidden: Tensor,
  multiply: Linear = linear,
): Tensor {
  return multiply(hidden, headWeight(config, parameters));
}

/**
 * Output of the scalar head: a reward at a row's last token, or values at many positions.
 *
 * As trained: `config.rewardBias` is added by `createRewardScorer` alone, so that a value model made from a reward
 * model and the measurement of the bias itself see the plain head.
 * @param hidden - `[M, D]`
 * @returns `[M]`
 */
export function scalarScores(config: ModelConfig, parameters: ParameterTensors, hidden: Tensor): Tensor {
  const weight = parameterOf(parameters, parameterNames(config).scalarHead);
  return reshape(linear(hidden, weight), [hidden.shape[0] as number]);
}

/** `[V, D]`; the token embedding where the head is tied. */
function headWeight(config: ModelConfig, parameters: ParameterTensors): Tensor {
  return parameterOf(parameters, parameterNames(config).languageModelHead);
}
