import {
  add,
  clamp,
  div,
  exp,
  less,
  maximum,
  mul,
  select,
  square,
  sub,
  sum,
  type Tensor,
} from "@alignkit/core";

// Every mask is float32, 1 on response tokens and 0 elsewhere; values at 0 are never looked at.

/** `x` where the mask is 1, else 0: whatever stands at padding, NaN included, goes no further. */
function masked(x: Tensor, mask: Tensor): Tensor {
  return select(less(0, mask), x, 0);
}

/** Sum over the mask divided by `tokens`. */
function maskedMean(x: Tensor, mask: Tensor, tokens: Tensor): Tensor {
  return div(sum(masked(x, mask)), tokens);
}

const indicator = (condition: Tensor): Tensor => select(condition, 1, 0);

/** What the policy loss is made of, over response tokens. */
export interface PolicyLossInputs {
  /** Current policy, nats, `[...]`. */
  readonly logProbs: Tensor;
  /** Policy that sampled. */
  readonly oldLogProbs: Tensor;
  readonly advantages: Tensor;
  readonly mask: Tensor;
  /** How far the ratio may leave 1 before its gradient stops. */
  readonly clipRange: number;
  /** What the sum is divided by, `[]`; default: the tokens of the mask. Given when a minibatch is split. */
  readonly tokens?: Tensor;
}

/** The loss, and how the policy moved. */
export interface PolicyLoss {
  readonly loss: Tensor;
  /** Share of tokens where the clipped term is larger. */
  readonly clipFraction: Tensor;
  /** Mean of `(logp - old)^2 / 2`, nats. */
  readonly approxKl: Tensor;
  /** Mean of `ratio - 1 - log ratio`, nats; never negative. */
  readonly approxKlK3: Tensor;
  readonly meanRatio: Tensor;
}

/**
 * Clipped policy loss, averaged over response tokens; all shapes equal.
 * @see Schulman et al. 2017, eq. 7; Ouyang et al. 2022, appendix C.4
 */
export function policyLoss({
  logProbs,
  oldLogProbs,
  advantages,
  mask,
  clipRange,
  tokens = sum(mask),
}: PolicyLossInputs): PolicyLoss {
  const difference = masked(sub(logProbs, oldLogProbs), mask);
  const ratio = exp(difference);
  const plain = mul(advantages, mul(ratio, -1));
  const clipped = mul(advantages, mul(clamp(ratio, 1 - clipRange, 1 + clipRange), -1));
  return {
    loss: maskedMean(maximum(plain, clipped), mask, tokens),
    clipFraction: maskedMean(indicator(less(plain, clipped)), mask, tokens),
    approxKl: maskedMean(mul(square(difference), 0.5), mask, tokens),
    approxKlK3: maskedMean(sub(sub(ratio, 1), difference), mask, tokens),
    meanRatio: maskedMean(ratio, mask, tokens),
  };
}

/** What the value loss is made of, over response tokens. */
export interface ValueLossInputs {
  /** Current value model, `[...]`. */
  readonly values: Tensor;
  /** Value model at the time of the rollout. */
  readonly oldValues: Tensor;
  readonly returns: Tensor;
  readonly mask: Tensor;
  /** How far a value may leave its old one; `undefined` does not clip. */
  readonly clipRange: number | undefined;
  readonly tokens?: Tensor;
}

/** The loss, and how often it was clipped. */
export interface ValueLoss {
  readonly loss: Tensor;
  /** Share of tokens where the clipped square is larger. */
  readonly clipFraction: Tensor;
  /** Mean squared error, not halved. */
  readonly error: Tensor;
  readonly meanValue: Tensor;
}

/**
 * Half the squared error of the values, the larger of clipped and unclipped.
 * @see openai/lm-human-preferences, `train_policy.py`
 */
export function valueLoss({
  values,
  oldValues,
  returns,
  mask,
  clipRange,
  tokens = sum(mask),
}: ValueLossInputs): ValueLoss {
  const plain = square(sub(values, returns));
  const near =
    clipRange === undefined ? values : clamp(values, sub(oldValues, clipRange), add(oldValues, clipRange));
  const clipped = square(sub(near, returns));
  return {
    loss: mul(maskedMean(maximum(plain, clipped), mask, tokens), 0.5),
    clipFraction: maskedMean(indicator(less(plain, clipped)), mask, tokens),
    error: maskedMean(plain, mask, tokens),
    meanValue: maskedMean(values, mask, tokens),
  };
}

/** Mean over the mask of a per-token quantity such as the entropy. */
export function meanOverTokens(x: Tensor, mask: Tensor, tokens: Tensor = sum(mask)): Tensor {
  return maskedMean(x, mask, tokens);
}

/**
 * Language-model loss of the pretraining mix: minus the log-probability, averaged over labelled tokens.
 * @param logProbs - of the labels, nats, `[M]`
 * @param weights - 1 per labelled token, 0 at padding, `[M]`
 * @see Ouyang et al. 2022, eq. 2, second term
 */
export function pretrainingLoss(logProbs: Tensor, weights: Tensor, tokens: Tensor = sum(weights)): Tensor {
  return mul(maskedMean(logProbs, weights, tokens), -1);
}
