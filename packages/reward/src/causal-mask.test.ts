import { compileFunction, int32, referenceBackend, type Tensor } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { causalMaskOf } from "./causal-mask.js";

describe("causalMaskOf", () => {
  it.each([
    { slidingWindow: null, seen: ["1000", "1100", "1110", "1111"] },
    { slidingWindow: 2, seen: ["1000", "1100", "0110", "0011"] },
  ])("hides the future and what is beyond a window of $slidingWindow", async ({ slidingWindow, seen }) => {
    const evaluate = compileFunction(referenceBackend(), ({ columns }: { columns: Tensor }) => ({
      mask: causalMaskOf(columns, slidingWindow),
    }));
    const { mask } = await evaluate({ columns: int32([0, 1, 2, 3], [4]) });
    const { data, type } = await mask.read();
    expect(type.shape).toEqual([1, 1, 4, 4]);
    const rows = [0, 4, 8, 12].map((start) =>
      Array.from(data.subarray(start, start + 4), (value) => (value === 0 ? 1 : 0)).join(""),
    );
    expect(rows).toEqual(seen);
  });
});
