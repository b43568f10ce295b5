import { createRandom } from "@alignkit/core";
import { expect, it } from "vitest";
import { areaUnderCurve, bootstrapInterval, correlation } from "./statistics.js";

it("counts pairs in order, ties half", () => {
  // 3 > 1, 3 > 2, 1 = 1, 1 < 2: 2.5 of 4.
  expect(areaUnderCurve([3, 1], [1, 2])).toBe(0.625);
});

it("gives an interval of width 0 where nothing varies, and the mean of the seeds' means", () => {
  expect(bootstrapInterval([[2, 2], [2]], createRandom(1))).toEqual({ mean: 2, low: 2, high: 2 });
  expect(bootstrapInterval([[0, 2], [4]], createRandom(1)).mean).toBe(2.5);
});

it("covers the mean of normal numbers about as often as it says", () => {
  const random = createRandom(5);
  let covered = 0;
  for (let trial = 0; trial < 100; trial++) {
    // One number per seed would leave too few seeds; 20 seeds of 5.
    const seeds = Array.from({ length: 20 }, () => Array.from({ length: 5 }, () => random.normal()));
    const { low, high } = bootstrapInterval(seeds, random, 400);
    if (low <= 0 && 0 <= high) covered++;
  }
  expect(covered).toBeGreaterThan(85);
});

it("correlates", () => {
  expect(correlation([1, 2, 3], [2, 4, 6])).toBeCloseTo(1, 12);
  expect(correlation([1, 2, 3], [6, 4, 2])).toBeCloseTo(-1, 12);
  expect(correlation([1, 1, 1], [6, 4, 2])).toBe(0);
});
