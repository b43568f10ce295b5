import { describe, expect, it } from "vitest";
import { correlation, distinct, responseMetrics } from "./response-metrics.js";

describe("distinct", () => {
  it("is the share of different n-grams in all responses together", () => {
    const responses = [Int32Array.of(1, 2, 1, 2), Int32Array.of(2), Int32Array.of(1, 2, 3)];
    // 3 of 8 tokens; of the pairs 12 21 12, 12 23 there are 3 different ones of 5.
    expect(distinct(responses, 1)).toBe(3 / 8);
    expect(distinct(responses, 2)).toBe(3 / 5);
    expect(distinct([Int32Array.of(1)], 2)).toBe(0);
  });
});

describe("correlation", () => {
  it("is Pearson's", () => {
    // Deviations (-1, 0, 1) and (-2, 1, 1): 3 / sqrt(2 * 6).
    expect(correlation([1, 2, 3], [2, 5, 5])).toBeCloseTo(3 / Math.sqrt(12), 12);
    expect(correlation([1, 1], [2, 5])).toBe(0);
  });
});

describe("responseMetrics", () => {
  it("describes lengths and ends", () => {
    const episodes = [2, 4, 6].map((length) => ({
      promptIds: Int32Array.of(9),
      responseIds: Int32Array.from({ length }, (_, t) => t),
      finished: length < 6,
    }));
    const metrics = responseMetrics(episodes, [1, 2, 3]);
    expect(metrics).toMatchObject({
      "objective/num_eos": 2,
      "response_length/mean": 4,
      "response_length/max": 6,
    });
    expect(metrics["objective/frac_no_eos"]).toBeCloseTo(1 / 3, 12);
    expect(metrics.reward_length_corr).toBeCloseTo(1, 12);
  });
});
