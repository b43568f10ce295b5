import { expect, it } from "vitest";
import { fitPower } from "./power-fit.js";

it("finds the exponent of a power law", () => {
  // y = 3 x^1.5 at 1, 4, 16: 3, 24, 192.
  const { exponent, worst } = fitPower([
    [1, 3],
    [4, 24],
    [16, 192],
  ]);
  expect(exponent).toBeCloseTo(1.5, 12);
  expect(worst).toBeCloseTo(1, 12);
});
it("says how far the worst point is away", () => {
  // Logarithms to base 2 are 0, 2, 1 at 0, 1, 2: slope 1/2, mean 1; distances 1/2, 1, 1/2.
  const { exponent, worst } = fitPower([
    [1, 1],
    [2, 4],
    [4, 2],
  ]);
  expect(exponent).toBeCloseTo(0.5, 12);
  expect(worst).toBeCloseTo(2, 12);
});
it("refuses points that say nothing", () => {
  expect(() => fitPower([[2, 1]])).toThrow("fitPower");
  expect(() =>
    fitPower([
      [1, 0],
      [2, 1],
    ]),
  ).toThrow("fitPower");
});
