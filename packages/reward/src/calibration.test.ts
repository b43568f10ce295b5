import { createRandom } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { calibrationError, reliabilityTable } from "./calibration.js";

describe("reliabilityTable", () => {
  it("holds the probability of the higher score against the labeler's choice", () => {
    // sigmoid(log 4) = 0.8, sigmoid(log 1.5) = 0.6; a negative difference is a pair that the labeler saw otherwise.
    const table = reliabilityTable([Math.log(4), Math.log(4), -Math.log(4), Math.log(1.5), 0], 2);
    expect(table.map(({ low, high, pairs }) => [low, high, pairs])).toEqual([
      [0.5, 0.75, 2],
      [0.75, 1, 3],
    ]);
    expect(table[0]!.confidence).toBeCloseTo(0.55, 12);
    expect(table[0]!.agreement).toBeCloseTo(0.75, 12);
    expect(table[1]!.confidence).toBeCloseTo(0.8, 12);
    expect(table[1]!.agreement).toBeCloseTo(2 / 3, 12);
    // (2 |0.55 - 0.75| + 3 |0.8 - 2/3|) / 5
    expect(calibrationError(table)).toBeCloseTo(0.16, 12);
  });

  it("puts certainty into the last bin, and leaves empty bins out of the error", () => {
    const table = reliabilityTable([1e3, 1e3]);
    expect(table.at(-1)).toMatchObject({ pairs: 2, confidence: 1, agreement: 1 });
    expect(calibrationError(table)).toBe(0);
  });

  it("finds no error where labelers choose with the model's probability, and one where it is too sure", () => {
    const random = createRandom(4);
    const chosen = (sureness: number) =>
      Array.from({ length: 20_000 }, () => {
        const truth = random.normal();
        const preferred = random.uniform() < 1 / (1 + Math.exp(-truth)) ? truth : -truth;
        return sureness * preferred;
      });
    // 10 bins of 1,000 to 3,000 pairs: each is off by about 0.01 by chance.
    expect(calibrationError(reliabilityTable(chosen(1)))).toBeLessThan(0.015);
    expect(calibrationError(reliabilityTable(chosen(3)))).toBeGreaterThan(0.1);
  });
});
