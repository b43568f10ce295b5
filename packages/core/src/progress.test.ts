import { describe, expect, it } from "vitest";
import { createRateEstimator } from "./progress.js";

describe("createRateEstimator", () => {
  it("knows nothing before work was done", () => {
    const estimator = createRateEstimator({ total: 10, now: () => 5 });
    expect(estimator.estimate()).toEqual({ completed: 0, total: 10, rate: undefined, remaining: undefined });
  });

  it("gives rate and time left", () => {
    let time = 1000;
    const estimator = createRateEstimator({ total: 100, now: () => time });
    time = 3000;
    // 10 units in 2 s; 90 left
    expect(estimator.advance(10)).toEqual({ completed: 10, total: 100, rate: 5, remaining: 18 });
  });

  it("counts units done before a resume as completed, not towards the rate", () => {
    let time = 0;
    const estimator = createRateEstimator({ total: 100, initial: 80, now: () => time });
    time = 1000;
    expect(estimator.advance(4)).toEqual({ completed: 84, total: 100, rate: 4, remaining: 4 });
  });

  it("forgets what lies before its window", () => {
    let time = 0;
    const estimator = createRateEstimator({ total: 1000, now: () => time, window: 10_000 });
    time = 100_000;
    estimator.advance(1); // a slow first step
    for (let second = 1; second <= 20; second++) {
      time += 1000;
      estimator.advance(2);
    }
    // The last 10 s only: 2 a second; 41 done
    expect(estimator.estimate()).toEqual({ completed: 41, total: 1000, rate: 2, remaining: 479.5 });
  });

  it("has no time left at the end or beyond", () => {
    let time = 0;
    const estimator = createRateEstimator({ total: 2, now: () => time });
    time = 1000;
    expect(estimator.advance(3).remaining).toBe(0);
  });
});
