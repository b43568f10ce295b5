import { describe, expect, it } from "vitest";
import { learningRate, type Schedule, scheduleTypes } from "./schedule.js";

const rates = (schedule: Schedule) =>
  Array.from({ length: schedule.steps }, (_, step) => learningRate(schedule, step));

describe("learningRate", () => {
  it("gives the rates of a PyTorch run with cosine and 3 steps of warm-up", () => {
    // Rates per step of 12 steps of torch.optim.lr_scheduler.LambdaLR with
    // k < 3: 0.003 k/3, else 0.003 (1 + cos(pi (k - 3)/9))/2.
    const expected = [
      0.0, 0.001, 0.002, 0.003, 0.002909538931178863, 0.002649066664678467, 0.0022500000000000003,
      0.0017604722665003959, 0.0012395277334996046, 0.0007500000000000003, 0.0003509333353215332,
      9.046106882113752e-5,
    ];
    const actual = rates({ type: "cosine", peak: 0.003, steps: 12, warmupSteps: 3 });
    for (const [step, rate] of expected.entries()) expect(actual[step]).toBeCloseTo(rate, 15);
    expect(actual.length).toBe(expected.length);
  });

  it("is linear from the peak to 0 after warm-up", () => {
    // warm-up 0, 1/2; then (6 - k)/4
    expect(rates({ type: "linear", peak: 4, steps: 6, warmupSteps: 2 })).toEqual([0, 2, 4, 3, 2, 1]);
  });

  it("keeps a constant rate, with and without warm-up", () => {
    expect(rates({ type: "constant", peak: 2, steps: 3, warmupSteps: 2 })).toEqual([2, 2, 2]);
    expect(rates({ type: "constant_with_warmup", peak: 2, steps: 4, warmupSteps: 2 })).toEqual([0, 1, 2, 2]);
  });

  it("ends the cosine of InstructGPT at a tenth of the peak", () => {
    const schedule: Schedule = { type: "cosine_with_min_lr", peak: 10, steps: 4 };
    // cos(pi/4) = 0.70710678: 1 + 9 (1 + 0.70710678)/2 = 8.68198052
    expect(learningRate(schedule, 0)).toBe(10);
    expect(learningRate(schedule, 1)).toBeCloseTo(8.68198052, 8);
    expect(learningRate(schedule, 2)).toBeCloseTo(5.5, 12);
    expect(learningRate(schedule, 4)).toBeCloseTo(1, 12);
    expect(learningRate({ ...schedule, minimumRatio: 0.5 }, 4)).toBeCloseTo(5, 12);
  });

  it("warms up from a start ratio when given", () => {
    // 0.2 + 0.8 k/4
    const schedule: Schedule = {
      type: "constant_with_warmup",
      peak: 1,
      steps: 5,
      warmupSteps: 4,
      warmupStartRatio: 0.2,
    };
    const expected = [0.2, 0.4, 0.6, 0.8, 1];
    for (const [step, rate] of rates(schedule).entries()) expect(rate).toBeCloseTo(expected[step]!, 12);
  });

  it("stays where it ended past the last step", () => {
    for (const type of scheduleTypes) {
      const schedule: Schedule = { type, peak: 3, steps: 5, warmupSteps: 1 };
      expect(learningRate(schedule, 9)).toBe(learningRate(schedule, 5));
    }
  });
});
