import {
  compileFunction,
  gradients,
  type HostData,
  type HostTensor,
  int32,
  referenceBackend,
  sum,
  type Tensor,
} from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { logisticLoss, rankingLoss } from "./losses.js";

// Values and gradients of PyTorch: test/losses.test.ts.

const double = referenceBackend({ precision: "float64" });

/** Float64 values: `float32()` would round them on the way in. */
const exact = (values: readonly number[]): HostTensor => ({
  type: { dtype: "float32", shape: [values.length] },
  data: Float64Array.from(values),
});

function expectClose(actual: HostData, expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  for (const [index, value] of expected.entries()) {
    const difference = Math.abs((actual[index] as number) - value);
    expect(difference, `element ${index}`).toBeLessThanOrEqual(tolerance * (1 + Math.abs(value)));
  }
}

describe("rankingLoss", () => {
  it("is not changed by padding pairs of weight 0", async () => {
    const evaluate = compileFunction(
      double,
      (given: Record<"scores" | "preferred" | "rejected" | "weights", Tensor>) => ({
        loss: rankingLoss(given),
      }),
    );
    const places = (of: readonly number[]) => int32(of, [of.length]);
    const { loss } = await evaluate({
      scores: exact([0.5, -1, 2, 1e3]),
      preferred: places([0, 2, 3, 0]),
      rejected: places([1, 1, 0, 3]),
      weights: exact([0.25, 0.75, 0, 0]),
    });
    // -log sigmoid(1.5) = 0.2014132780, -log sigmoid(3) = 0.0485873516
    expectClose((await loss.read()).data, [0.25 * 0.201413278 + 0.75 * 0.0485873516], 1e-9);
  });
});

describe("logisticLoss", () => {
  it("stays finite far out, with gradient -1/2 at 0", async () => {
    const evaluate = compileFunction(double, ({ x }: { x: Tensor }) => {
      const losses = logisticLoss(x);
      return { losses, slope: gradients(sum(losses), [x])[0]! };
    });
    const { losses, slope } = await evaluate({ x: exact([-800, 0, 800]) });
    // -log sigmoid: 800, log 2, 0; its slope is -sigmoid(-x).
    expectClose((await losses.read()).data, [800, Math.LN2, 0], 1e-12);
    expectClose((await slope.read()).data, [-1, -0.5, 0], 1e-12);
  });
});
