/** Unnormalized probabilities of a vocabulary: one pass over the logits, and sums by which a drawn token is found. */

/** Tokens whose weights are summed as one, so that the search for the drawn token looks at few of them. */
export const blockSize = 512;

/** Nats below the most likely token from which on a weight counts as 0: a whole vocabulary of them is below 1e-12. */
export const span = 40;

const stepsPerNat = 32;
const table = Float64Array.from({ length: span * stepsPerNat + 1 }, (_, step) =>
  Math.exp(-step / stepsPerNat),
);

/**
 * `exp((logit - highest) * inverse)` for all tokens, relative error below 1e-9.
 *
 * exp(-(n/32 + r)) = table[n] exp(-r) with 0 <= r < 1/32, and the first term that the series leaves out is
 * r^5 / 120 < 3e-10: several times faster than `Math.exp`. It stands inside the loop because it must be inlined.
 * @param highest - the largest logit
 * @param inverse - inverse temperature
 * @param weights - `[V]`, is written
 * @param blocks - sums of {@link blockSize} weights each, is written
 * @returns the sum of all
 */
export function weigh(
  logits: Float32Array,
  highest: number,
  inverse: number,
  weights: Float64Array,
  blocks: Float64Array,
): number {
  const scale = -inverse * stepsPerNat;
  const lowest = span * stepsPerNat;
  let total = 0;
  for (let block = 0; block < blocks.length; block++) {
    const end = Math.min(logits.length, (block + 1) * blockSize);
    let sum = 0;
    for (let id = block * blockSize; id < end; id++) {
      const scaled = ((logits[id] as number) - highest) * scale;
      let weight = 0;
      // False for NaN.
      if (scaled < lowest) {
        const step = scaled | 0;
        const r = (scaled - step) / stepsPerNat;
        weight = (table[step] as number) * (1 - r * (1 - r * (1 / 2 - r * (1 / 6 - r * (1 / 24)))));
      }
      weights[id] = weight;
      sum += weight;
    }
    blocks[block] = sum;
    total += sum;
  }
  return total;
}

/**
 * Inverse CDF: the first token up to which the weights sum to more than `target`.
 * @param blocks - sums of {@link blockSize} weights each
 * @param target - in `[0, sum of all)`; a token of weight 0 is never drawn
 */
export function drawToken(weights: Float64Array, blocks: Float64Array, target: number): number {
  let sum = 0;
  let chosen = 0;
  /** The sum before the chosen block. */
  let before = 0;
  for (let block = 0; block < blocks.length && sum <= target; block++) {
    if (blocks[block] === 0) continue;
    chosen = block;
    before = sum;
    sum += blocks[block] as number;
  }
  let last = 0;
  const end = Math.min(weights.length, (chosen + 1) * blockSize);
  for (let token = chosen * blockSize; token < end; token++) {
    const weight = weights[token] as number;
    if (weight === 0) continue;
    last = token;
    before += weight;
    if (before > target) break;
  }
  // Without a break the sum fell short of the target by rounding; the last one is right.
  return last;
}
