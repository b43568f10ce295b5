import { createRandom, float32, type Random, referenceBackend } from "@alignkit/core";
import { rankedPairs } from "@alignkit/data";
import { createModelConfig, initializeParameters, type ModelConfig } from "@alignkit/models";
import { describe, expect, it } from "vitest";
import { pairTensors, type RankingExample, toBatches } from "./batches.js";
import { compileRewardFunctions } from "./functions.js";
import { layOutRows, type Responses, type RowSettings, responsesPerRow, rowTensors } from "./rows.js";

const gpt2 = createModelConfig({
  model_type: "gpt2",
  vocab_size: 17,
  n_positions: 24,
  n_embd: 8,
  n_layer: 2,
  n_head: 2,
});
const llama = createModelConfig({
  model_type: "llama",
  vocab_size: 17,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 24,
});
const models: readonly (readonly [string, ModelConfig])[] = [
  ["learned positions", gpt2],
  ["rotary positions", llama],
  ["a sliding window", { ...llama, attention: { ...llama.attention, slidingWindow: 4 } }],
];

const ids = (random: Random, length: number) =>
  Int32Array.from({ length }, () => random.integer(gpt2.vocabularySize));

/** K = 2, 4, 5 of unequal lengths; the last prompt has two equal responses. */
const examples: readonly RankingExample[] = [2, 4, 5].map((count, index) => {
  const random = createRandom(index);
  const prompt = ids(random, 4 + 3 * index);
  const rows = Array.from({ length: count }, (_, response) =>
    Int32Array.of(...prompt, ...ids(random, 1 + ((response * 3) % 7))),
  );
  if (count === 5) rows[4] = (rows[0] as Int32Array).slice();
  return { rows, pairs: rankedPairs(rows.map((_, response) => response % 4)) };
});

const settings = { padTokenId: 0, multipleOf: null, fewSizes: true };

const parametersOf = (config: ModelConfig) =>
  Object.fromEntries(
    // Larger than a new model's, so that attention is not flat.
    [...initializeParameters(config, "scalar", createRandom(7))].map(([name, { data, shape }]) => [
      name,
      float32(
        data.map((value) => (shape.length > 1 ? 20 * value : value)),
        shape,
      ),
    ]),
  );

const functionsOf = (config: ModelConfig) =>
  compileRewardFunctions(referenceBackend(), config, { centerCoefficient: 0.01 });

async function scoresOf(
  config: ModelConfig,
  prompts: readonly Responses[],
  perRow: number,
  padding: RowSettings = settings,
): Promise<number[]> {
  const rows = rowTensors(layOutRows(prompts, perRow, padding));
  const { scores } = await functionsOf(config).scores({ parameters: parametersOf(config), ...rows });
  return [...(await scores.read()).data.subarray(0, prompts.flat().length)];
}

async function gradientsOf(config: ModelConfig, perRow: number) {
  const [batch] = toBatches(examples, {
    ...settings,
    prompts: 3,
    normalization: "valid_pairs",
    responsesPerRow: () => perRow,
  });
  const result = await functionsOf(config).lossAndGradients({
    parameters: parametersOf(config),
    ...rowTensors(batch!),
    pairs: pairTensors(batch!, true),
  });
  const scores = [...(await result.scores.read()).data.subarray(0, batch!.responses)];
  const gradients = new Map<string, number[]>();
  for (const [name, tensor] of Object.entries(result.gradients)) {
    gradients.set(name, [...(await tensor.read()).data]);
  }
  return { batch: batch!, scores, gradients };
}

describe("several responses behind one prompt", () => {
  it.each(models)("have the scores and gradients of rows of their own, with %s", async (_, config) => {
    const alone = await gradientsOf(config, 1);
    // 11 responses, of which two are equal.
    expect(new Set(alone.scores.map((score) => score.toFixed(4))).size).toBe(10);
    for (const perRow of [2, 5]) {
      const shared = await gradientsOf(config, perRow);
      expect(shared.batch.rows).toBeLessThan(alone.batch.rows);
      for (const [index, score] of shared.scores.entries()) {
        expect(Math.abs(score - alone.scores[index]!)).toBeLessThan(1e-5);
      }
      for (const [name, values] of shared.gradients) {
        const expected = alone.gradients.get(name)!;
        expect(Math.max(...expected.map(Math.abs)), name).toBeGreaterThan(0);
        const largest = Math.max(...values.map((value, index) => Math.abs(value - expected[index]!)));
        expect(largest, name).toBeLessThan(1e-5);
      }
    }
  });
});

describe("padding", () => {
  it.each(models)("changes no score, whatever its id, with %s", async (_, config) => {
    const prompts = examples.map(({ rows }) => rows);
    const alone = await Promise.all(
      prompts.flat().map((ids) => scoresOf(config, [[ids]], 1, { ...settings, multipleOf: 1 })),
    );
    // The last one is an id that a response ends with: padding as the end token, as many models have it.
    for (const padTokenId of [0, 16, prompts[1]![0]!.at(-1)!]) {
      for (const perRow of [1, 3]) {
        const scores = await scoresOf(config, prompts, perRow, {
          ...settings,
          padTokenId,
          multipleOf: 32,
        });
        for (const [index, score] of alone.flat().entries()) {
          expect(Math.abs(scores[index]! - score)).toBeLessThan(1e-6);
        }
      }
    }
  });

  it("is told from an end token of the same id: the response with one scores otherwise", async () => {
    const end = 16;
    const responses = [Int32Array.of(1, 2, 3), Int32Array.of(1, 2, 3, end)];
    const scores = await scoresOf(gpt2, [responses], 1, { ...settings, padTokenId: end });
    expect(Math.abs(scores[0]! - scores[1]!)).toBeGreaterThan(1e-3);
  });
});

describe("layOutRows", () => {
  const settings = { padTokenId: 9, multipleOf: null, fewSizes: false };
  const responses = [Int32Array.of(5, 6, 1), Int32Array.of(5, 6, 2, 3), Int32Array.of(5, 6)];

  it("puts what is shared in front once; each response keeps its last token", () => {
    const { inputIds, positionIds, branchIds, lastTokens } = layOutRows([responses], 3, settings);
    expect([...inputIds]).toEqual([5, 6, 1, 6, 2, 3, 6]);
    expect([...positionIds]).toEqual([0, 1, 2, 1, 2, 3, 1]);
    expect([...branchIds!]).toEqual([0, 1, 1, 2, 2, 2, 3]);
    expect([...lastTokens]).toEqual([2, 5, 6]);
  });

  it("spreads responses evenly over rows", () => {
    const { rows, length, inputIds, lastTokens } = layOutRows([responses], 2, settings);
    // One response, then two behind their first token.
    expect([rows, length]).toEqual([2, 5]);
    expect([...inputIds]).toEqual([5, 6, 1, 9, 9, 5, 6, 2, 3, 6]);
    expect([...lastTokens]).toEqual([2, 8, 9]);
  });
});

describe("responsesPerRow", () => {
  const batch = (prompt: number, response: number, count: number) => [
    Array.from({ length: count }, (_, index) =>
      Int32Array.from({ length: prompt + response }, (_, place) => (place < prompt ? 1 : 2 + index)),
    ),
  ];

  it("shares a long prompt, and not a short one with long responses", () => {
    const choose = responsesPerRow("auto", gpt2);
    expect(choose(batch(200, 10, 4))).toBe(4);
    expect(choose(batch(4, 200, 4))).toBe(1);
  });

  it("does as it is told otherwise", () => {
    expect(responsesPerRow(false, gpt2)(batch(200, 10, 4))).toBe(1);
    expect(responsesPerRow(true, gpt2)(batch(4, 200, 4))).toBe(4);
  });
});
