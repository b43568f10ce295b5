import { createRandom } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { blockSize, drawToken, span, weigh } from "./weights.js";

describe("weigh", () => {
  it("is exp within 1e-9 over the whole span, and 0 beyond", () => {
    // Steps of 0.0093 nats never fall on the table's 1/32 alone.
    const logits = Float32Array.from({ length: 5000 }, (_, id) => 3 - 0.0093 * id);
    const weights = new Float64Array(logits.length);
    const blocks = new Float64Array(Math.ceil(logits.length / blockSize));
    const inverse = 1 / 0.7;
    const total = weigh(logits, 3, inverse, weights, blocks);
    let sum = 0;
    for (const [id, logit] of logits.entries()) {
      const x = (logit - 3) * inverse;
      const expected = x > -span ? Math.exp(x) : 0;
      expect(Math.abs((weights[id] as number) - expected)).toBeLessThanOrEqual(1e-9 * expected);
      sum += expected;
    }
    expect(total).toBeCloseTo(sum, 6);
    expect(weights.at(-1)).toBe(0);
    expect(blocks.reduce((a, b) => a + b)).toBeCloseTo(total, 12);
  });

  it("gives no weight to NaN and minus infinity", () => {
    const weights = new Float64Array(3);
    weigh(Float32Array.of(Number.NaN, 1, Number.NEGATIVE_INFINITY), 1, 1, weights, new Float64Array(1));
    expect([...weights]).toEqual([0, 1, 0]);
  });
});

describe("drawToken", () => {
  it("inverts the cumulative sum across blocks", () => {
    const random = createRandom(4);
    const weights = Float64Array.from({ length: 2 * blockSize + 7 }, () =>
      random.uniform() < 0.5 ? 0 : random.uniform(),
    );
    const blocks = new Float64Array(3);
    for (const [id, weight] of weights.entries()) {
      blocks[Math.floor(id / blockSize)] = (blocks[Math.floor(id / blockSize)] as number) + weight;
    }
    const total = blocks.reduce((a, b) => a + b);
    for (let trial = 0; trial < 200; trial++) {
      const target = random.uniform() * total;
      let sum = 0;
      const expected = weights.findIndex((weight) => {
        sum += weight;
        return sum > target;
      });
      expect(drawToken(weights, blocks, target)).toBe(expected);
    }
  });

  it("draws neither a leading nor a trailing token of weight 0", () => {
    const weights = Float64Array.of(0, 2, 0, 1, 0);
    expect(drawToken(weights, Float64Array.of(3), 0)).toBe(1);
    expect(drawToken(weights, Float64Array.of(3), 2)).toBe(3);
    // A target that rounding pushed to the sum itself.
    expect(drawToken(weights, Float64Array.of(3), 3)).toBe(3);
  });
});
