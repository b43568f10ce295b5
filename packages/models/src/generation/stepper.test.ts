import {
  type Backend,
  createRandom,
  type DeviceTensor,
  float32,
  referenceBackend,
  uploadAll,
} from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { createModelConfig, type ModelConfig } from "../config.js";
import { initializeParameters } from "../initialize.js";
import { withLora } from "../lora.js";
import { createGenerator } from "./generator.js";

const sizes = { vocab_size: 31, initializer_range: 0.4 };
const gpt2 = createModelConfig({
  ...sizes,
  model_type: "gpt2",
  n_positions: 120,
  n_embd: 12,
  n_layer: 2,
  n_head: 3,
});
/** With products of rows of 1024. */
const wideGpt2 = createModelConfig({
  ...sizes,
  model_type: "gpt2",
  n_positions: 120,
  n_embd: 12,
  n_inner: 1024,
  n_layer: 1,
  n_head: 3,
});
const llama = createModelConfig({
  ...sizes,
  model_type: "llama",
  max_position_embeddings: 120,
  hidden_size: 12,
  intermediate_size: 20,
  num_hidden_layers: 2,
  num_attention_heads: 6,
  num_key_value_heads: 2,
  head_dim: 4,
});
const lora = { rank: 2, alpha: 6, rankStabilized: false, base: "." } as const;

const plain: Backend = referenceBackend();

/** A backend that says it repacks constants, and what it compiled with some and has not freed yet. */
function repacking(repackingCostsFrom = 1) {
  let packed = 0;
  const backend: Backend = {
    ...plain,
    repackingCostsFrom,
    async compile(graph, options) {
      const executable = await plain.compile(graph, options);
      const packs = (options?.constants?.size ?? 0) > 0 ? 1 : 0;
      packed += packs;
      return {
        ...executable,
        async dispose() {
          packed -= packs;
          await executable.dispose();
        },
      };
    },
  };
  return { backend, isPacked: () => packed > 0 };
}

async function parametersOf(config: ModelConfig): Promise<Record<string, DeviceTensor>> {
  const random = createRandom(2);
  const values = [...initializeParameters(config, "language_model", random)].map(
    ([name, { shape, data }]) => {
      // What begins as zeros, biases and B of adapters, has to count.
      const filled = data.every((value) => value === 0) ? data.map(() => random.normal() / 4) : data;
      return [name, float32(filled, shape)] as const;
    },
  );
  return (await uploadAll(plain, Object.fromEntries(values))) as Record<string, DeviceTensor>;
}

const promptsOf = (rows: number) =>
  Array.from({ length: rows }, (_, row) => [3 + row, 4, 5].slice(0, 1 + (row % 3)));

describe("a backend that repacks constants", () => {
  it.each([
    ["gpt2, whose weights are transposed", gpt2],
    ["gpt2, some of whose rows end in zeros then", wideGpt2],
    ["llama", llama],
    ["gpt2 with an adapter", withLora(gpt2, { ...lora, targets: ["c_attn", "c_fc"] })],
    ["llama with an adapter", withLora(llama, { ...lora, targets: "all-linear" })],
  ])("decodes %s on weights as they lie, to the same tokens", async (_name, config) => {
    const parameters = await parametersOf(config);
    const options = { maxNewTokens: 7, temperature: 0.9, ignoreEos: true };
    const bound = createGenerator(plain, config, parameters);
    const { backend, isPacked } = repacking();
    const lying = createGenerator(backend, config, parameters);
    const expected = await bound.generate(promptsOf(5), options, createRandom(1));
    const given = await lying.generate(promptsOf(5), options, createRandom(1));
    expect(isPacked()).toBe(false);
    for (const [row, { ids, logProbs }] of given.entries()) {
      expect(ids).toEqual(expected[row]?.ids);
      for (const [t, logProb] of logProbs.entries())
        expect(logProb).toBeCloseTo(expected[row]?.logProbs[t] as number, 5);
    }
    await lying.dispose();
    // The caller's own are whole.
    expect(await bound.generate(promptsOf(5), options, createRandom(1))).toEqual(expected);
    await bound.dispose();
  });

  it("packs once steps of few rows, taken and to come, would win it back", async () => {
    const parameters = await parametersOf(gpt2);
    const { backend, isPacked } = repacking();
    const generator = createGenerator(backend, gpt2, parameters);
    const run = (rows: number, maxNewTokens: number) =>
      generator.generate(promptsOf(rows), { maxNewTokens, temperature: 1, ignoreEos: true }, createRandom(1));
    // 6 rows lose nothing; each row fewer loses 1 a step, each more wins 1, and 560 buy.
    await run(6, 60);
    await run(12, 60);
    await run(1, 56);
    await run(1, 55);
    // 111 * 5 = 555 so far
    expect(isPacked()).toBe(false);
    await run(8, 1);
    // 553
    await run(5, 6);
    expect(isPacked()).toBe(false);
    await run(6, 2);
    expect(isPacked()).toBe(false);
    await run(5, 1);
    expect(isPacked()).toBe(true);
    await run(12, 2);
    expect(isPacked()).toBe(true);
    await generator.dispose();
    expect(isPacked()).toBe(false);
  });

  it("packs before a batch that is known to be long enough", async () => {
    const parameters = await parametersOf(llama);
    const { backend, isPacked } = repacking();
    const generator = createGenerator(backend, llama, parameters);
    const seen: boolean[] = [];
    const options = { temperature: 1, ignoreEos: true, onToken: () => seen.push(isPacked()) };
    // 112 * 5 = 560
    await generator.generate([[3]], { ...options, maxNewTokens: 112 }, createRandom(1));
    expect(new Set(seen)).toEqual(new Set([true]));
    await generator.dispose();
  });

  it.each([
    // Per layer 12 x 36, 12 x 12, 12 x 48 and 48 x 12: 432 a matrix.
    [432, false],
    [433, true],
  ])(
    "takes matrices of 432 elements for small where repacking costs from %i on: %s",
    async (costsFrom, isSmall) => {
      const { backend, isPacked } = repacking(costsFrom);
      const generator = createGenerator(backend, gpt2, await parametersOf(gpt2));
      const run = (rows: number, maxNewTokens: number) =>
        generator.generate(
          promptsOf(rows),
          { maxNewTokens, temperature: 1, ignoreEos: true },
          createRandom(1),
        );
      // Small ones lose 10 a step with 12 rows: 28 * 10 = 280, and 56 * 10 = 560.
      await run(12, 28);
      expect(isPacked()).toBe(false);
      await run(12, 28);
      expect(isPacked()).toBe(isSmall);
      await generator.dispose();
    },
  );

  it("packs small matrices at once where few rows are decoded for long enough", async () => {
    const { backend, isPacked } = repacking(433);
    const seen: boolean[] = [];
    const options = { temperature: 1, ignoreEos: true, onToken: () => seen.push(isPacked()) };
    const generator = createGenerator(backend, gpt2, await parametersOf(gpt2));
    // 27 * 21 = 567
    await generator.generate([[3]], { ...options, maxNewTokens: 27 }, createRandom(1));
    expect(new Set(seen)).toEqual(new Set([true]));
    await generator.dispose();
  });

  it("goes from one form to the other within a batch, to the same tokens", async () => {
    const parameters = await parametersOf(gpt2);
    const { backend, isPacked } = repacking();
    const bound = createGenerator(plain, gpt2, parameters);
    const generator = createGenerator(backend, gpt2, parameters);
    const seen: boolean[] = [];
    // 111 * 5 = 555: the first of six rows that end make up what is missing.
    await generator.generate([[3]], { temperature: 1, maxNewTokens: 111, ignoreEos: true }, createRandom(1));
    const options = { temperature: 1, maxNewTokens: 60, stopTokenIds: [1, 2, 3, 4] };
    const expected = await bound.generate(promptsOf(6), options, createRandom(3));
    const given = await generator.generate(
      promptsOf(6),
      { ...options, onToken: () => seen.push(isPacked()) },
      createRandom(3),
    );
    expect(given.map(({ ids }) => ids)).toEqual(expected.map(({ ids }) => ids));
    expect([seen[0], seen.at(-1)]).toEqual([false, true]);
    await generator.dispose();
    await bound.dispose();
  });
});
