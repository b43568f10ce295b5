/**
 * Whether the model is as sure as it is right: sigmoid(r_a - r_b) is its probability that a is preferred to b (equation 1
 * of Ouyang et al. 2022), to be held against how often labelers agree.
 */

/** The pairs of which the model is about equally sure. */
export interface ReliabilityBin {
  /** Its probability for the response that it scores higher is in `[low, high)`; 1 is in the last bin. */
  readonly low: number;
  readonly high: number;
  readonly pairs: number;
  /** Mean of that probability; NaN without pairs. */
  readonly confidence: number;
  /** Share of the pairs in which the labeler agrees, equal scores as half; NaN without pairs. */
  readonly agreement: number;
}

/**
 * Bins of equal width from 1/2 to 1.
 * @param differences - for each untied pair the score of the preferred response minus the other's
 */
export function reliabilityTable(differences: readonly number[], bins = 10): readonly ReliabilityBin[] {
  const width = 0.5 / bins;
  const sums = Array.from({ length: bins }, () => ({ pairs: 0, confidence: 0, agreement: 0 }));
  for (const difference of differences) {
    const confidence = 1 / (1 + Math.exp(-Math.abs(difference)));
    const bin = sums[Math.min(bins - 1, Math.floor((confidence - 0.5) / width))] as (typeof sums)[number];
    bin.pairs += 1;
    bin.confidence += confidence;
    bin.agreement += (1 + Math.sign(difference)) / 2;
  }
  return sums.map(({ pairs, confidence, agreement }, index) => ({
    low: 0.5 + index * width,
    high: 0.5 + (index + 1) * width,
    pairs,
    confidence: confidence / pairs,
    agreement: agreement / pairs,
  }));
}

/**
 * Expected calibration error: mean over pairs of the distance between a bin's confidence and its agreement.
 * @see Naeini et al. 2015; Guo et al. 2017, equation 3
 */
export function calibrationError(table: readonly ReliabilityBin[]): number {
  const filled = table.filter(({ pairs }) => pairs > 0);
  const pairs = filled.reduce((total, bin) => total + bin.pairs, 0);
  const distance = filled.reduce(
    (total, { pairs: own, confidence, agreement }) => total + own * Math.abs(confidence - agreement),
    0,
  );
  return distance / pairs;
}
