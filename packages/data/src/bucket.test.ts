import { describe, expect, it } from "vitest";
import { roundingStep } from "./bucket.js";

describe("roundingStep", () => {
  it("keeps padding below a quarter and sizes few", () => {
    // floor(log2) - 2: 64 -> 16, 127 -> 16, 128 -> 32, 1000 -> 128
    expect([1, 63, 64, 127, 128, 1000].map((size) => roundingStep(size, 16))).toEqual([
      16, 16, 16, 16, 32, 128,
    ]);
  });
});
