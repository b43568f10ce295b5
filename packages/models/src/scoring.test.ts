import {
  compileFunction,
  createRandom,
  type DeviceTensor,
  float32,
  int32,
  referenceBackend,
  type Tensor,
  uploadAll,
} from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { createModelConfig, type ModelConfig } from "./config.js";
import { hiddenStates } from "./decoder.js";
import { scalarScores } from "./heads.js";
import { initializeParameters } from "./initialize.js";
import { createRewardScorer, createScorer } from "./scoring.js";

const backend = referenceBackend();
const gpt2 = { model_type: "gpt2", vocab_size: 23, n_positions: 12, n_embd: 8, n_layer: 2, n_head: 2 };

async function createModel(head: "language_model" | "scalar", rewardBias = 0) {
  const config: ModelConfig = { ...createModelConfig({ ...gpt2, initializer_range: 0.4 }), rewardBias };
  const values = initializeParameters(config, head, createRandom(2));
  const host = Object.fromEntries([...values].map(([name, { shape, data }]) => [name, float32(data, shape)]));
  return { config, parameters: (await uploadAll(backend, host)) as Record<string, DeviceTensor> };
}

const sequences = [[1, 2, 3], [4, 5, 6, 7, 8, 9, 10], [11], [12, 13, 14, 15]];

describe("createScorer", () => {
  it("scores each token but the first, whatever the batch", async () => {
    const { config, parameters } = await createModel("language_model");
    const scorer = createScorer(backend, config, parameters);
    const rows = sequences.map((ids) => ({ ids }));
    const together = await scorer.logProbs(rows);
    expect(together.map((row) => row.length)).toEqual([2, 6, 0, 3]);
    const apart = await scorer.logProbs(rows, { batchSize: 1 });
    for (const [row, logProbs] of together.entries()) {
      for (const [t, logProb] of logProbs.entries()) {
        expect(logProb).toBeLessThan(0);
        expect(apart[row]?.[t]).toBeCloseTo(logProb, 5);
      }
    }
    // What follows changes nothing.
    const [longer] = await scorer.logProbs([{ ids: [1, 2, 3, 20, 21] }]);
    expect(longer?.[1]).toBeCloseTo(together[0]?.[1] as number, 5);
    await scorer.dispose();
  });

  it("scores labels where they are given", async () => {
    const { config, parameters } = await createModel("language_model");
    const scorer = createScorer(backend, config, parameters);
    const ids = [4, 5, 6, 7, 8];
    const [all] = await scorer.logProbs([{ ids }]);
    const [some, first] = await scorer.logProbs([
      { ids, labels: [-100, -100, 6, -100, 8] },
      { ids, labels: [4, -100, -100, -100, -100] },
    ]);
    expect([...(some as Float32Array)]).toEqual([all?.[1], all?.[3]]);
    expect(first).toHaveLength(0);
  });

  it("names the sequences that do not fit", async () => {
    const { config, parameters } = await createModel("language_model");
    const scorer = createScorer(backend, config, parameters);
    const tooLong = Array.from({ length: 13 }, () => 1);
    await expect(
      scorer.logProbs([{ ids: [] }, { ids: tooLong }, { ids: [23] }]),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: scoring: sequence 0 is empty; sequence 1 has 13 tokens; the model takes 12 at most; sequence 2 holds 23, outside the vocabulary of 23]`,
    );
    await expect(
      scorer.logProbs([
        { ids: [1, 2], labels: [1] },
        { ids: [1], labels: [-1] },
      ]),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: scoring: sequence 0 has 2 ids and 1 labels; sequence 1 has label -1, neither -100 nor in the vocabulary]`,
    );
  });

  it("needs a language model", async () => {
    const { config } = await createModel("scalar");
    expect(() => createScorer(backend, config, {})).toThrow("transformer.wte.weight is missing");
  });
});

describe("createRewardScorer", () => {
  it("is the head at the last token plus the bias", async () => {
    const { config, parameters } = await createModel("scalar", 0.75);
    const scorer = createRewardScorer(backend, config, parameters);
    const scores = await scorer.scores(sequences, { batchSize: 3 });
    type Inputs = {
      readonly parameters: Readonly<Record<string, Tensor>>;
      readonly inputIds: Tensor;
      readonly positionIds: Tensor;
      readonly rows: Tensor;
    };
    const alone = compileFunction(backend, ({ parameters: given, ...tokens }: Inputs) => ({
      score: scalarScores(config, given, hiddenStates(config, given, tokens)),
    }));
    for (const [row, ids] of sequences.entries()) {
      const { score } = await alone({
        parameters,
        inputIds: int32(ids, [1, ids.length]),
        positionIds: int32([...ids.keys()], [1, ids.length]),
        rows: int32([ids.length - 1], [1]),
      });
      expect(scores[row]).toBeCloseTo(((await score.read()).data[0] as number) + 0.75, 5);
    }
    await scorer.dispose();
  });
});
