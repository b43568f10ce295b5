import { createRandom } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { blockSize, drawBlock, drawToken, tokenWeights } from "./weights.js";

describe("tokenWeights", () => {
  it("weighs by exp below the highest, and sums in blocks", () => {
    const logits = Float32Array.from({ length: blockSize + 2 }, (_, id) =>
      id === blockSize ? 3 : 3 - Math.log(2),
    );
    const { weights, blocks } = tokenWeights(logits);
    expect(weights[blockSize]).toBe(1);
    // 512 halves; then 1 and a half.
    expect(blocks[0]).toBeCloseTo(256, 4);
    expect(blocks[1]).toBeCloseTo(1.5, 6);
  });

  it("gives no weight to NaN and minus infinity", () => {
    const { weights } = tokenWeights(Float32Array.of(Number.NaN, 1, Number.NEGATIVE_INFINITY));
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
      expect(drawToken({ weights, blocks }, target)).toBe(expected);
      const first = drawBlock(blocks, target).block * blockSize;
      const own = weights.subarray(first, first + blockSize);
      expect(drawToken({ weights: own, first, blocks }, target)).toBe(expected);
    }
  });

  it("draws neither a leading nor a trailing token of weight 0", () => {
    const weights = Float64Array.of(0, 2, 0, 1, 0);
    expect(drawToken({ weights, blocks: Float64Array.of(3) }, 0)).toBe(1);
    expect(drawToken({ weights, blocks: Float64Array.of(3) }, 2)).toBe(3);
    // A target that rounding pushed to the sum itself.
    expect(drawToken({ weights, blocks: Float64Array.of(3) }, 3)).toBe(3);
  });
});
