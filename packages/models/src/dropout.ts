/**
 * Residual dropout: where a branch joins the residual stream, each number is dropped with a probability, and those that
 * remain are scaled up, so that the expectation stays. transformers has it as `resid_pdrop` (GPT-2: after the
 * projections that end attention and MLP); families without such a setting have the same two places.
 *
 * Masks are made here and given to the graph, so that a resumed run drops the numbers of an uninterrupted one. They depend
 * on the tokens of each row alone, so that every backend drops the same, though some have batches padded to fewer sizes.
 */
import { float32, type HostTensor, type Random } from "@alignkit/core";
import type { ModelConfig } from "./config.js";

/** What the branches of each layer are multiplied by: 0 or `1 / (1 - rate)`, `[B, T, D]` each. */
export interface ResidualMasks<T> {
  /** Of the output of attention, by layer. */
  readonly attention: readonly T[];
  /** Of the output of the MLP, by layer. */
  readonly mlp: readonly T[];
}

/**
 * Masks of one forward pass.
 * @param batch - T, and how many tokens of each of the B rows are real, from the left; nothing is dropped of padding
 * @param rate - probability of dropping a number, in `[0, 1)`
 * @param random - of this pass alone: the same stream gives the same masks
 */
export function residualMasks(
  { layers, hiddenSize }: Pick<ModelConfig, "layers" | "hiddenSize">,
  batch: { readonly length: number; readonly lengths: ArrayLike<number> },
  rate: number,
  random: Random,
): ResidualMasks<HostTensor> {
  const { length } = batch;
  const lengths = Array.from(batch.lengths);
  const perLayer = (branch: string) =>
    Array.from({ length: layers }, (_, layer) => {
      const draw = createMaskSource(rate, random.split(`${branch}-${layer}`));
      const mask = new Float32Array(lengths.length * length * hiddenSize).fill(1);
      for (const [row, real] of lengths.entries()) {
        const start = row * length * hiddenSize;
        draw(mask.subarray(start, start + real * hiddenSize));
      }
      return float32(mask, [lengths.length, length, hiddenSize]);
    });
  return { attention: perLayer("attention"), mlp: perLayer("mlp") };
}

/**
 * Fills arrays with 0 at the given rate, else `1 / (1 - rate)`. Millions of numbers a step: one 32-bit draw each of
 * xoshiro128++, inlined.
 * @see Blackman and Vigna 2021, "Scrambled linear pseudorandom number generators"
 */
function createMaskSource(rate: number, random: Random): (out: Float32Array) => void {
  const values = Float32Array.of(0, 1 / (1 - rate));
  // Of draws of 31 bits, those below are dropped.
  const threshold = Math.round(rate * 2 ** 31);
  const state = Int32Array.from({ length: 4 }, () => random.integer(2 ** 32) | 0);
  return (out) => {
    // In locals and without a branch, which could not be predicted: half the time.
    let [a = 0, b = 0, c = 0, d = 0] = state;
    for (let index = 0; index < out.length; index++) {
      const sum = (a + d) | 0;
      const drawn = (((sum << 7) | (sum >>> 25)) + a) >>> 1;
      const shifted = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= shifted;
      d = (d << 11) | (d >>> 21);
      out[index] = values[1 + ((drawn - threshold) >> 31)] as number;
    }
    state.set([a, b, c, d]);
  };
}
