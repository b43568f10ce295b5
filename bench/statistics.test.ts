import { describe, expect, it } from "vitest";
import { compareTimes, median } from "./statistics.js";

describe("median", () => {
  it("is the middle value, or the mean of the two in the middle", () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([8, 1, 4, 2])).toBe(3);
  });
  it("needs a value", () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe("compareTimes", () => {
  it("pairs the times of a round, so that a slow spell that hits both cancels out", () => {
    // Rounds: 10/20, 100/200, 30/40 = 0.5, 0.5, 0.75. Smallest: 10/20.
    expect(compareTimes([10, 100, 30], [20, 200, 40])).toEqual({ medianOfPairs: 0.5, minOverMin: 0.5 });
  });
  it("takes the smallest times from any round", () => {
    // 4/1, 2/4, 3/3: median 1; smallest 2 over 1.
    expect(compareTimes([4, 2, 3], [1, 4, 3])).toEqual({ medianOfPairs: 1, minOverMin: 2 });
  });
  it("is nothing when one of them did not run", () => {
    expect(compareTimes([1], [])).toBeNull();
  });
});
