import { describe, expect, it } from "vitest";
import { estimate } from "./results.js";
import { shareInOrder } from "./reward-model.js";

describe("estimate", () => {
  it("is the mean with 1.96 standard errors on each side", () => {
    // Mean 0.5, variance 4 * 0.25 / 3 = 1/3, standard error sqrt(1/3 / 4) = 0.2886751.
    const { mean, low, high, count } = estimate([0, 1, 1, 0]);
    expect([mean, count]).toEqual([0.5, 4]);
    expect(low).toBeCloseTo(0.5 - 1.96 * 0.2886751, 6);
    expect(high).toBeCloseTo(0.5 + 1.96 * 0.2886751, 6);
  });

  it("knows nothing of one value's spread", () => {
    expect(estimate([3])).toEqual({
      mean: 3,
      low: Number.NEGATIVE_INFINITY,
      high: Number.POSITIVE_INFINITY,
      count: 1,
    });
  });
});

describe("shareInOrder", () => {
  it("counts pairs that the judge orders, and leaves its ties out", () => {
    // Judged 2 > 1 = 1. The scores get (a, b) right, (a, c) wrong; (b, c) is tied.
    expect(shareInOrder([0.3, 0.1, 0.4], [2, 1, 1])).toEqual([0.5]);
    expect(shareInOrder([0.3, 0.1], [1, 1])).toEqual([]);
  });

  it("counts equal scores as wrong", () => {
    expect(shareInOrder([0.2, 0.2], [2, 1])).toEqual([0]);
  });
});
