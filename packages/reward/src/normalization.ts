/**
 * The bias that gives demonstrations a mean score of 0.
 *
 * "We normalize the reward model using a bias so that the labeler demonstrations achieve a mean score of 0 before doing
 * RL" (Ouyang et al. 2022, section 3.5).
 * @param scores - of the demonstrations, without a bias
 * @returns what to add to every score
 * @throws {RangeError} without a score
 */
export function normalizingBias(scores: ArrayLike<number>): number {
  if (scores.length === 0)
    throw new RangeError("normalizingBias: there are no demonstrations to average over");
  let total = 0;
  for (let index = 0; index < scores.length; index++) total += scores[index] as number;
  return total === 0 ? 0 : -total / scores.length;
}
