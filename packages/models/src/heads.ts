/** What is read off the hidden states. Only the rows asked for are projected. */
import { linear, linearTokenLogProbs, mul, reshape, type Tensor, takeRows } from "@alignkit/core";
import type { ModelConfig } from "./config.js";
import { type ParameterTensors, parameterOf } from "./decoder-layer.js";
import { parameterNames } from "./parameters.js";

/**
 * Log-probabilities of given next tokens, and the entropy of the distributions they come from, in nats.
 * @param hidden - `[B * T, D]`, from {@link hiddenStates}
 * @param rows - int32 `[M]`: `b * T + t`, where the token after position t is predicted
 * @param targets - int32 `[M]`: that next token
 * @param temperature - divides the logits
 * @returns `[M]` each
 */
export function tokenLogProbs(
  config: ModelConfig,
  parameters: ParameterTensors,
  hidden: Tensor,
  rows: Tensor,
  targets: Tensor,
  temperature = 1,
): { readonly logProbs: Tensor; readonly entropy: Tensor } {
  const selected = takeRows(hidden, rows);
  // D numbers a row are scaled, not V.
  const scaled = temperature === 1 ? selected : mul(selected, 1 / temperature);
  return linearTokenLogProbs(scaled, headWeight(config, parameters), targets);
}

/**
 * Next-token logits.
 * @param hidden - `[B * T, D]`
 * @param rows - int32 `[M]`: `b * T + t`; all unless given
 * @returns `[M, V]`
 */
export function logits(
  config: ModelConfig,
  parameters: ParameterTensors,
  hidden: Tensor,
  rows?: Tensor,
): Tensor {
  return linear(rows === undefined ? hidden : takeRows(hidden, rows), headWeight(config, parameters));
}

/**
 * Output of the scalar head: a reward at a row's last token, or values at many positions.
 *
 * As trained: `config.rewardBias` is added by `createRewardScorer` alone, so that a value model made from a reward
 * model and the measurement of the bias itself see the plain head.
 * @param hidden - `[B * T, D]`
 * @param rows - int32 `[M]`: `b * T + t`
 * @returns `[M]`
 */
export function scalarScores(
  config: ModelConfig,
  parameters: ParameterTensors,
  hidden: Tensor,
  rows: Tensor,
): Tensor {
  const weight = parameterOf(parameters, parameterNames(config).scalarHead);
  return reshape(linear(takeRows(hidden, rows), weight), rows.shape);
}

/** `[V, D]`; the token embedding where the head is tied. */
function headWeight(config: ModelConfig, parameters: ParameterTensors): Tensor {
  return parameterOf(parameters, parameterNames(config).languageModelHead);
}
