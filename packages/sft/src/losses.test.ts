import { compileFunction, float32, int32, referenceBackend, type Tensor } from "@alignkit/core";
import { ignoredLabel } from "@alignkit/data";
import { describe, expect, it } from "vitest";
import { completionLoss, labelledLogProbs } from "./losses.js";

// Values and gradients of PyTorch: test/losses.test.ts.

const double = referenceBackend({ precision: "float64" });

describe("labelledLogProbs", () => {
  it("is 0 at padding, whose logits change nothing", async () => {
    const evaluate = compileFunction(double, (given: { logits: Tensor; labels: Tensor }) => {
      const labelled = labelledLogProbs(given);
      return { ...labelled, loss: completionLoss({ ...labelled, labelTokens: 2 }) };
    });
    // Logits log 1, log 2, log 3 say 1/6, 1/3, 1/2 of the next token.
    const some = [0, Math.LN2, Math.log(3)];
    const short = await evaluate({
      logits: float32([...some, ...some, ...some], [1, 3, 3]),
      labels: int32([ignoredLabel, 2, 0], [1, 3]),
    });
    const padded = await evaluate({
      logits: float32([...some, ...some, ...some, 33, -7, 33, 50, 0, 9], [1, 5, 3]),
      labels: int32([ignoredLabel, 2, 0, ignoredLabel, ignoredLabel], [1, 5]),
    });
    expect((await short.loss.read()).data[0]).toBeCloseTo((Math.log(2) + Math.log(6)) / 2, 6);
    expect((await padded.loss.read()).data).toEqual((await short.loss.read()).data);
    expect([...(await padded.mask.read()).data]).toEqual([1, 1, 0, 0]);
    expect([...(await padded.tokenLogProbs.read()).data].slice(2)).toEqual([0, 0]);
  });
});

describe("completionLoss", () => {
  it("adds up over micro-batches to the loss of one batch", async () => {
    // 2 labels and 1 label: (1 + 3 + 5) / 3 = 3, while the mean of the two means is (2 + 5) / 2.
    const evaluate = compileFunction(double, (given: { tokenLogProbs: Tensor; mask: Tensor }) => ({
      loss: completionLoss({ ...given, labelTokens: 3 }),
    }));
    const first = await evaluate({ tokenLogProbs: float32([-1, -3], [2]), mask: float32([1, 1], [2]) });
    const second = await evaluate({ tokenLogProbs: float32([-5, -7], [2]), mask: float32([1, 0], [2]) });
    const [a, b] = [(await first.loss.read()).data[0]!, (await second.loss.read()).data[0]!];
    expect(a + b).toBeCloseTo(3, 12);
  });
});
