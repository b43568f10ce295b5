/** Losses of the reward model: plain functions over tensors, flat arguments. */
import {
  abs,
  add,
  exp,
  log,
  mean,
  mul,
  neg,
  type Operand,
  square,
  sub,
  sum,
  type Tensor,
  takeRows,
} from "@alignkit/core";

/**
 * `-log sigmoid(x)`, finite for every finite x, with the gradient -1/2 at 0.
 * @param x - any shape
 */
export function logisticLoss(x: Tensor): Tensor {
  const size = abs(x);
  return add(mul(sub(size, x), 0.5), log(add(exp(neg(size)), 1)));
}

/**
 * Weighted sum over pairs of `-log sigmoid(r_w - r_l - margin)`.
 *
 * With the weights of `pairWeight` it is equation 1 of Ouyang et al. 2022 for all responses of several prompts at once.
 */
export function rankingLoss({
  scores,
  preferred,
  rejected,
  weights,
  margins = 0,
  centerCoefficient = 0,
}: {
  /** Of all responses, `[N]`. */
  readonly scores: Tensor;
  /** int32 `[M]`, places in `scores`. */
  readonly preferred: Tensor;
  /** int32 `[M]`. */
  readonly rejected: Tensor;
  /** `[M]`; 0 leaves a pair out. */
  readonly weights: Tensor;
  /** `[M]`; by how much more the preferred one should score (Touvron et al. 2023, section 3.2.2). */
  readonly margins?: Operand;
  /** Weight of `(r_w + r_l)^2`, which keeps scores near 0 (Eisenstein et al. 2023, equation 2). */
  readonly centerCoefficient?: number;
}): Tensor {
  const better = takeRows(scores, preferred);
  const worse = takeRows(scores, rejected);
  const ranking = sum(mul(logisticLoss(sub(sub(better, worse), margins)), weights));
  if (centerCoefficient === 0) return ranking;
  return add(ranking, mul(sum(mul(square(add(better, worse)), weights)), centerCoefficient));
}

/** The same for pairs alone: mean over pairs, K = 2. */
export function pairwiseLoss({
  chosen,
  rejected,
  margins = 0,
  centerCoefficient = 0,
}: {
  /** Scores of the preferred responses, `[M]`. */
  readonly chosen: Tensor;
  /** Scores of the others, `[M]`. */
  readonly rejected: Tensor;
  /** `[M]`. */
  readonly margins?: Operand;
  readonly centerCoefficient?: number;
}): Tensor {
  const ranking = mean(logisticLoss(sub(sub(chosen, rejected), margins)));
  if (centerCoefficient === 0) return ranking;
  return add(ranking, mul(mean(square(add(chosen, rejected))), centerCoefficient));
}
