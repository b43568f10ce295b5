/**
 * Losses of supervised fine-tuning: plain functions over tensors, flat arguments.
 *
 * Ouyang et al. 2022, section 3.5, train on demonstrations and do not say whether the tokens of the prompt count.
 * Here they do not, as in TRL: a label says which tokens do, and -100 is no label.
 */
import {
  argMax,
  cast,
  div,
  equal,
  lessEqual,
  logSoftmax,
  maximum,
  mul,
  neg,
  not,
  type Operand,
  select,
  slice,
  sum,
  type Tensor,
  takeAlongLast,
} from "@alignkit/core";
import { ignoredLabel } from "@alignkit/data";

/** Log-probabilities of the labelled tokens, and where there is a label. */
export interface LabelledLogProbs {
  /** Nats, `[B, T - 1]`; 0 without a label. */
  readonly tokenLogProbs: Tensor;
  /** 1 with a label, else 0, `[B, T - 1]`. */
  readonly mask: Tensor;
}

/** Log-probabilities of labels under the logits one position before them. */
export function labelledLogProbs({
  logits,
  labels,
}: {
  /** `[B, T, V]`. */
  readonly logits: Tensor;
  /** int32 `[B, T]`, -100 where a token does not count. */
  readonly labels: Tensor;
}): LabelledLogProbs {
  const { targets, hasLabel, predictions } = shifted(logits, labels);
  const logProbs = takeAlongLast(logSoftmax(predictions), targets);
  return { tokenLogProbs: select(hasLabel, logProbs, 0), mask: cast(hasLabel, "float32") };
}

/**
 * Negative log-likelihood of the labelled tokens, over `labelTokens`.
 *
 * With `labelTokens` of a whole accumulation window, the losses of its micro-batches add up to the mean over the tokens
 * of the window: 8 batches of 1 row are then the same step as 1 batch of 8.
 */
export function completionLoss({
  tokenLogProbs,
  mask,
  labelTokens,
}: {
  /** Nats, any shape; what stands without a label does not matter. */
  readonly tokenLogProbs: Tensor;
  /** 1 with a label, else 0, of the same shape. */
  readonly mask: Tensor;
  /** What to divide by: the labels of the window. */
  readonly labelTokens: Operand;
}): Tensor {
  return div(neg(sum(mul(tokenLogProbs, mask))), labelTokens);
}

/** Mean over rows of each row's mean over its labelled tokens; rows without labels do not count. */
export function sequenceMeanLoss({ tokenLogProbs, mask }: LabelledLogProbs): Tensor {
  const labels = sum(mask, 1);
  const rowMeans = div(sum(mul(tokenLogProbs, mask), 1), maximum(labels, 1));
  return div(neg(sum(rowMeans)), sum(cast(lessEqual(1, labels), "float32")));
}

/** Share of labelled tokens that are the most likely one. */
export function tokenAccuracy({
  logits,
  labels,
}: {
  /** `[B, T, V]`. */
  readonly logits: Tensor;
  /** int32 `[B, T]`, -100 where a token does not count. */
  readonly labels: Tensor;
}): Tensor {
  const { targets, hasLabel, predictions } = shifted(logits, labels);
  const mask = cast(hasLabel, "float32");
  const correct = cast(equal(argMax(predictions), targets), "float32");
  return div(sum(mul(correct, mask)), sum(mask));
}

/** Logits of position t stand beside the label of position t + 1. */
function shifted(logits: Tensor, labels: Tensor) {
  const length = labels.shape[1] as number;
  const next = slice(labels, 1, 1, length);
  const hasLabel = not(equal(next, ignoredLabel));
  return {
    targets: select(hasLabel, next, 0),
    hasLabel,
    predictions: slice(logits, 1, 0, length - 1),
  };
}
