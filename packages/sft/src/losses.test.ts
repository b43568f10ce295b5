import { readFileSync } from "node:fs";
import {
  compileFunction,
  float32,
  gradients,
  type HostData,
  int32,
  referenceBackend,
  type Tensor,
} from "@alignkit/core";
import { ignoredLabel } from "@alignkit/data";
import { describe, expect, it } from "vitest";
import { completionLoss, labelledLogProbs, sequenceMeanLoss, tokenAccuracy } from "./losses.js";

/** Float64 values of PyTorch; loss, gradient and log-probabilities of ragged rows with garbage at padding. */
interface Case {
  readonly name: string;
  readonly params: { readonly tokens_in_window: number };
  readonly inputs: { readonly logits: number[][][]; readonly labels: number[][] };
  readonly expected: {
    readonly loss: number;
    readonly label_tokens: number;
    readonly token_logprobs: number[][];
    readonly mean_of_sequence_means: number;
    readonly loss_sum_over_window: number;
    readonly token_accuracy: number;
  };
  readonly grads: Readonly<Record<"loss" | "mean_of_sequence_means", { readonly logits: number[][][] }>>;
}
const { cases } = JSON.parse(
  readFileSync(new URL("../fixtures/losses/sft_loss.json", import.meta.url), "utf8"),
) as { readonly cases: readonly Case[] };

const double = referenceBackend({ precision: "float64" });

/** Float64 values: `float32()` would round them on the way in. */
const exact = (values: readonly number[], shape: readonly number[]) => ({
  type: { dtype: "float32" as const, shape },
  data: Float64Array.from(values),
});

function expectClose(actual: HostData, expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  for (const [index, value] of expected.entries()) {
    const difference = Math.abs((actual[index] as number) - value);
    expect(difference, `element ${index}`).toBeLessThanOrEqual(tolerance * (1 + Math.abs(value)));
  }
}

describe.each(cases)("sft losses, $name", ({ inputs, params, expected, grads }) => {
  const [B, T, V] = [inputs.logits.length, inputs.logits[0]!.length, inputs.logits[0]![0]!.length];
  const logits = exact(inputs.logits.flat(2), [B, T, V]);
  const labels = int32(inputs.labels.flat(), [B, T]);

  it("matches the log-probabilities, the losses and the accuracy of PyTorch", async () => {
    const evaluate = compileFunction(double, (given: { logits: Tensor; labels: Tensor; window: Tensor }) => {
      const labelled = labelledLogProbs(given);
      return {
        ...labelled,
        loss: completionLoss({ ...labelled, labelTokens: expected.label_tokens }),
        windowLoss: completionLoss({ ...labelled, labelTokens: given.window }),
        sequenceMeans: sequenceMeanLoss(labelled),
        accuracy: tokenAccuracy(given),
      };
    });
    const window = exact([params.tokens_in_window], []);
    const results = await evaluate({ logits, labels, window });
    const value = async (name: keyof typeof results) => (await results[name].read()).data;
    expectClose(await value("tokenLogProbs"), expected.token_logprobs.flat(), 1e-9);
    expectClose(await value("loss"), [expected.loss], 1e-9);
    expectClose(await value("windowLoss"), [expected.loss_sum_over_window], 1e-9);
    expectClose(await value("sequenceMeans"), [expected.mean_of_sequence_means], 1e-9);
    expectClose(await value("accuracy"), [expected.token_accuracy], 1e-9);
    const mask = await value("mask");
    expect(Array.from(mask).reduce((total, one) => total + one, 0)).toBe(expected.label_tokens);
  });

  it("matches the gradients of PyTorch", async () => {
    const evaluate = compileFunction(double, (given: { logits: Tensor; labels: Tensor }) => {
      const labelled = labelledLogProbs(given);
      const loss = completionLoss({ ...labelled, labelTokens: expected.label_tokens });
      const [byLoss, byMeans] = [loss, sequenceMeanLoss(labelled)].map(
        (one) => gradients(one, [given.logits])[0] as Tensor,
      );
      return { byLoss: byLoss!, byMeans: byMeans! };
    });
    const { byLoss, byMeans } = await evaluate({ logits, labels });
    expectClose((await byLoss.read()).data, grads.loss.logits.flat(2), 1e-8);
    expectClose((await byMeans.read()).data, grads.mean_of_sequence_means.logits.flat(2), 1e-8);
  });

  it("is not changed by padding", async () => {
    const padded = {
      logits: exact(
        inputs.logits.flatMap((row) => [...row.flat(), ...new Array<number>(2 * V).fill(33)]),
        [B, T + 2, V],
      ),
      labels: int32(
        inputs.labels.flatMap((row) => [...row, ignoredLabel, ignoredLabel]),
        [B, T + 2],
      ),
    };
    const evaluate = compileFunction(double, (given: { logits: Tensor; labels: Tensor }) => {
      const labelled = labelledLogProbs(given);
      return { loss: completionLoss({ ...labelled, labelTokens: expected.label_tokens }) };
    });
    expectClose((await (await evaluate(padded)).loss.read()).data, [expected.loss], 1e-12);
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
