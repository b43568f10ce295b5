/** The distribution of the next token, unnormalized, and how a token is found by its share of the sum. */

/** Tokens whose weights are summed as one, so that the search for the drawn token looks at few of them. */
export const blockSize = 512;

/** How likely each next token is, in the form that sampling needs. */
export interface TokenWeights {
  /** Probabilities times a factor that all share, of V tokens or more; those beyond have 0. */
  readonly weights: Float32Array | Float64Array;
  /** Whose weight is the first, where they are those of one block: the one that is drawn from. Else 0. */
  readonly first?: number;
  /** Sums of `blockSize` weights each. */
  readonly blocks: Float32Array | Float64Array;
  /** Divided by the temperature, `[V]`: for greedy decoding, and where tokens are suppressed. */
  readonly logits?: Float32Array;
}

/**
 * The weights of logits on the host; a generator computes them in its graph.
 * @param logits - divided by the temperature, `[V]`; NaN weighs nothing
 */
export function tokenWeights(logits: Float32Array): TokenWeights & { readonly logits: Float32Array } {
  const highest = highestOf(logits);
  const weights = Float64Array.from(logits, (logit) => (Number.isNaN(logit) ? 0 : Math.exp(logit - highest)));
  const blocks = Float64Array.from({ length: Math.ceil(logits.length / blockSize) }, (_, block) =>
    sumOfBlock(weights, block),
  );
  return { logits, weights, blocks };
}

function highestOf(logits: Float32Array): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (logit > highest) highest = logit;
  }
  return highest;
}

function sumOfBlock(weights: Float32Array | Float64Array, block: number): number {
  const end = Math.min(weights.length, (block + 1) * blockSize);
  let sum = 0;
  for (let id = block * blockSize; id < end; id++) sum += weights[id] as number;
  return sum;
}

/**
 * Inverse CDF: the first token up to which the weights sum to more than `target`.
 * @param blocks - sums of `blockSize` weights each
 * @param target - in `[0, sum of all)`; a token of weight 0 is never drawn
 */
export function drawToken(
  { weights, first = 0, blocks }: Pick<TokenWeights, "weights" | "first" | "blocks">,
  target: number,
): number {
  const { block, before } = drawBlock(blocks, target);
  let sum = before;
  let last = 0;
  const end = Math.min(first + weights.length, (block + 1) * blockSize);
  for (let token = block * blockSize; token < end; token++) {
    const weight = weights[token - first] as number;
    if (weight === 0) continue;
    last = token;
    sum += weight;
    if (sum > target) break;
  }
  // Without a break the sum fell short of the target by rounding; the last one is right.
  return last;
}

/**
 * The block in which {@link drawToken} looks, and the sum of those before it.
 * @param blocks - sums of weights
 */
export function drawBlock(
  blocks: TokenWeights["blocks"],
  target: number,
): { readonly block: number; readonly before: number } {
  let sum = 0;
  let chosen = 0;
  let before = 0;
  for (let block = 0; block < blocks.length && sum <= target; block++) {
    if (blocks[block] === 0) continue;
    chosen = block;
    before = sum;
    sum += blocks[block] as number;
  }
  return { block: chosen, before };
}

/** The sum of all weights. @param blocks - sums of weights */
export function sumOfBlocks(blocks: TokenWeights["blocks"]): number {
  let total = 0;
  for (let block = 0; block < blocks.length; block++) total += blocks[block] as number;
  return total;
}
