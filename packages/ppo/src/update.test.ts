import { createOptimizer, createRandom, float32, referenceBackend } from "@alignkit/core";
import { adamWSettings, createModelConfig, initializeParameters } from "@alignkit/models";
import { describe, expect, it } from "vitest";
import { ppoConfig } from "./config.js";
import type { PtxReduction } from "./functions.js";
import { createUpdater } from "./update.js";

const backend = referenceBackend();
const config = createModelConfig({
  model_type: "gpt2",
  vocab_size: 11,
  n_embd: 8,
  n_layer: 1,
  n_head: 2,
  n_positions: 16,
});

/** Metrics of one update whose rates are 0. @param old - log-probability of each token at the rollout */
async function metricsOf(ptxReduction: PtxReduction, old = -2.4) {
  const optimizer = (head: "language_model" | "scalar") =>
    createOptimizer(
      backend,
      adamWSettings(ppoConfig.parse({})),
      Object.fromEntries(
        [...initializeParameters(config, head, createRandom(3))].map(([name, { data, shape }]) => [
          name,
          float32(data, shape),
        ]),
      ),
    );
  const updater = createUpdater(
    backend,
    {
      policyConfig: config,
      valueConfig: config,
      padTokenId: 0,
      temperature: 1,
      clipRange: 0.2,
      clipRangeValue: 0.2,
      entropyCoefficient: 0,
      ptxCoefficient: 0.5,
      ptxReduction,
      rowsPerForward: 2,
    },
    await optimizer("language_model"),
    await optimizer("scalar"),
  );
  const episodes = [2, 4, 3].map((length, b) => ({
    promptIds: Int32Array.of(1, b + 1),
    responseIds: Int32Array.from({ length }, (_, t) => t + 2),
    finished: true,
    oldLogProbs: new Float64Array(length).fill(old),
    oldValues: new Float64Array(length),
    advantages: Float64Array.from({ length }, (_, t) => t - 1),
    returns: new Float64Array(length).fill(1),
  }));
  const texts = [Int32Array.of(1, 2, 3), Int32Array.of(4, 5, 6, 7, 8)];
  return updater.update(episodes, texts, { policy: 0, value: 0 });
}

describe("ptx_reduction", () => {
  it("divides by tokens, by texts or by nothing, loss and gradient alike", async () => {
    const [tokens, texts, sum] = [
      await metricsOf("token_mean"),
      await metricsOf("sequence_mean"),
      await metricsOf("sum"),
    ];
    // Texts of 3 and 5 tokens: 6 predictions in 2 texts.
    expect(sum.ptxLoss! / tokens.ptxLoss!).toBeCloseTo(6, 5);
    expect(sum.ptxLoss! / texts.ptxLoss!).toBeCloseTo(2, 5);
    expect(sum.ptxGradNormRatio! / tokens.ptxGradNormRatio!).toBeCloseTo(6, 4);
    expect(sum.policyTotalLoss - sum.policyLoss).toBeCloseTo(0.5 * sum.ptxLoss!, 5);
  });
});

describe("the difference of probabilities", () => {
  it("is measured on the probabilities, whatever the log-probabilities do", async () => {
    // Weights of deviation 0.02 make all 11 tokens about equally likely.
    const { probsDifference, probsDifferenceMax, approxKl } = await metricsOf("sum", -20);
    expect(probsDifference).toBeCloseTo(1 / 11, 2);
    expect(probsDifferenceMax).toBeGreaterThan(probsDifference);
    expect(probsDifferenceMax).toBeLessThan(1.1 / 11);
    expect(approxKl).toBeGreaterThan(100);
  });
});
