import {
  type Backend,
  createRandom,
  type DeviceTensor,
  float32,
  InterruptedError,
  type Random,
  referenceBackend,
  uploadAll,
} from "@alignkit/core";
import { beforeAll, describe, expect, it } from "vitest";
import { createModelConfig, type ModelConfig } from "../config.js";
import { initializeParameters } from "../initialize.js";
import { createScorer } from "../scoring.js";
import { createGenerator, type Generator } from "./generator.js";
import { blockSize } from "./weights.js";

const backend: Backend = referenceBackend();

async function createModel(fields: Readonly<Record<string, unknown>>): Promise<{
  readonly config: ModelConfig;
  readonly parameters: Record<string, DeviceTensor>;
}> {
  // Wide weights, so that distributions are not flat.
  const config = createModelConfig({ ...fields, initializer_range: 0.4 });
  const values = initializeParameters(config, "language_model", createRandom(2));
  const host = Object.fromEntries([...values].map(([name, { shape, data }]) => [name, float32(data, shape)]));
  return { config, parameters: (await uploadAll(backend, host)) as Record<string, DeviceTensor> };
}

const tiny = { model_type: "llama", vocab_size: 31, max_position_embeddings: 40, hidden_size: 12 } as const;
const llama = {
  ...tiny,
  intermediate_size: 20,
  num_hidden_layers: 2,
  num_attention_heads: 6,
  num_key_value_heads: 2,
  head_dim: 4,
} as const;

const prompts = [[3, 4, 5, 6, 7], [8], [9, 10, 11], [12, 13], [14, 15, 16, 17]];

let config: ModelConfig;
let parameters: Record<string, DeviceTensor>;
let generator: Generator;

beforeAll(async () => {
  ({ config, parameters } = await createModel(llama));
  generator = createGenerator(backend, config, parameters);
});

describe("generate", () => {
  it("is a function of its arguments and the seed", async () => {
    const options = { maxNewTokens: 8, temperature: 1, topP: 0.9 };
    const first = await generator.generate(prompts, options, createRandom(1));
    expect(await generator.generate(prompts, options, createRandom(1))).toEqual(first);
    expect(await generator.generate(prompts, options, createRandom(2))).not.toEqual(first);
  });

  it("draws from the one block of weights that it reads what it draws from all", async () => {
    // Three blocks, the last not full.
    const own = await createModel({ ...llama, vocab_size: 2 * blockSize + 300 });
    const large = createGenerator(backend, own.config, own.parameters);
    const options = { maxNewTokens: 12, temperature: 2 };
    const random = createRandom(3);
    const drawn = await large.generate(prompts, options, random);
    // Cuts nothing, and looks at all weights.
    const all = await large.generate(prompts, { ...options, topP: 1 - 1e-12 }, random);
    expect(drawn).toEqual(all);
    const blocks = drawn.flatMap(({ ids }) => ids.map((id) => Math.floor(id / blockSize)));
    expect(new Set(blocks).size).toBe(3);
    await large.dispose();
  });

  it("reads all weights where the graph, which rounds, looks into another block", async () => {
    const own = await createModel({ ...llama, vocab_size: 2 * blockSize + 300 });
    const large = createGenerator(backend, own.config, own.parameters);
    // 1 in float32, beyond all blocks. So cold, all probability is one token's, and hardly ever in the last block.
    const random: Random = { ...createRandom(3), split: () => random, uniform: () => 1 - 2 ** -53 };
    const options = { maxNewTokens: 12, temperature: 1e-4 };
    const drawn = await large.generate(prompts, options, random);
    expect(drawn).toEqual(await large.generate(prompts, { ...options, topP: 1 - 1e-12 }, random));
    expect(drawn.flatMap(({ ids }) => ids.filter((id) => id < 2 * blockSize)).length).toBeGreaterThan(12);
    await large.dispose();
  });

  it("of other weights compiles what was traced for the first ones", async () => {
    const graphs: unknown[] = [];
    const watched: Backend = {
      ...backend,
      compile(graph, options) {
        graphs.push(graph);
        return backend.compile(graph, options);
      },
    };
    const { config: own, parameters: first } = await createModel(llama);
    const doubled = Object.entries(first).map(async ([name, tensor]) => {
      const { type, data } = await tensor.read();
      return [
        name,
        await backend.upload(
          float32(
            Float32Array.from(data, (x) => 2 * x),
            type.shape,
          ),
        ),
      ] as const;
    });
    const second = Object.fromEntries(await Promise.all(doubled));
    const options = { maxNewTokens: 5, temperature: 1, ignoreEos: true };
    const responses: unknown[] = [];
    for (const weights of [first, second, first]) {
      const anew = createGenerator(watched, own, weights);
      responses.push(await anew.generate(prompts, options, createRandom(1)));
      await anew.dispose();
    }
    expect(responses[2]).toEqual(responses[0]);
    expect(responses[1]).not.toEqual(responses[0]);
    expect(graphs.length).toBe(3 * new Set(graphs).size);
  });

  it("gives a row the same tokens whatever is in its batch", async () => {
    const options = { maxNewTokens: 9, temperature: 1, stopTokenIds: [1, 2, 3, 4, 5, 6] };
    const together = await generator.generate(prompts, options, createRandom(1));
    for (const batchSize of [1, 2, 3]) {
      const apart = await generator.generate(prompts, { ...options, batchSize }, createRandom(1));
      expect(apart.map(({ ids }) => ids)).toEqual(together.map(({ ids }) => ids));
    }
    // Rows end at different steps, so that rows were dropped on the way.
    expect(new Set(together.map(({ ids }) => ids.length)).size).toBeGreaterThan(2);
  });

  it("returns the log-probabilities that a scorer finds, after rows were dropped too", async () => {
    const temperature = 0.8;
    const options = { maxNewTokens: 9, temperature, stopTokenIds: [1, 2, 3, 4, 5, 6] };
    const generations = await generator.generate(prompts, options, createRandom(4));
    // After step 4 two of five rows go on, few enough that both move to the front of the cache.
    expect(generations.map(({ ids }) => ids.length)).toEqual([9, 3, 4, 9, 1]);
    const scorer = createScorer(backend, config, parameters, { temperature });
    const scored = await scorer.logProbs(
      generations.map(({ ids }, row) => {
        const prompt = prompts[row] as number[];
        return { ids: [...prompt, ...ids], labels: [...prompt.map(() => -100), ...ids] };
      }),
    );
    for (const [row, { logProbs }] of generations.entries()) {
      const expected = scored[row] as Float32Array;
      expect(logProbs.length).toBe(expected.length);
      for (const [t, logProb] of logProbs.entries()) expect(logProb).toBeCloseTo(expected[t] as number, 4);
    }
    await scorer.dispose();
  });

  it("ends with a stop token, and says so", async () => {
    const stopTokenIds = [1, 2, 3, 4, 5, 6];
    const options = { maxNewTokens: 9, temperature: 1, stopTokenIds };
    for (const { ids, finishReason } of await generator.generate(prompts, options, createRandom(1))) {
      const stops = ids.filter((id) => stopTokenIds.includes(id));
      expect(stops).toEqual(finishReason === "stop" ? [ids.at(-1)] : []);
      if (finishReason === "length") expect(ids.length).toBe(9);
    }
    const endless = await generator.generate(prompts, { ...options, ignoreEos: true }, createRandom(1));
    expect(endless.map(({ ids }) => ids.length)).toEqual([9, 9, 9, 9, 9]);
    const long = await generator.generate(prompts, { ...options, minNewTokens: 5 }, createRandom(1));
    for (const { ids } of long) {
      expect(ids.slice(0, 5).filter((id) => stopTokenIds.includes(id))).toEqual([]);
    }
  });

  it("reports each token as it is drawn", async () => {
    const tokens = prompts.map((): number[] => []);
    const generations = await generator.generate(
      prompts,
      {
        maxNewTokens: 4,
        temperature: 1,
        ignoreEos: true,
        onToken: ({ prompt, token }) => tokens[prompt]?.push(token),
      },
      createRandom(1),
    );
    expect(tokens).toEqual(generations.map(({ ids }) => ids));
  });

  it("stops between two tokens when the signal fires", async () => {
    const controller = new AbortController();
    let drawn = 0;
    const onToken = () => {
      if (++drawn === 3) controller.abort();
    };
    const options = { maxNewTokens: 20, temperature: 1, ignoreEos: true, onToken };
    const run = generator.generate([[3, 4]], options, createRandom(1), controller.signal);
    await expect(run).rejects.toThrow(InterruptedError);
    expect(drawn).toBe(3);
  });

  it("runs a long prompt in pieces", async () => {
    const { config: long, parameters: own } = await createModel({
      ...llama,
      max_position_embeddings: 150,
      num_hidden_layers: 1,
    });
    const random = createRandom(5);
    // 128 tokens are run at once: the second row starts in the second piece.
    const longPrompts = [140, 5].map((length) => Array.from({ length }, () => random.integer(31)));
    const ownGenerator = createGenerator(backend, long, own);
    const options = { maxNewTokens: 2, temperature: 1, ignoreEos: true };
    const generations = await ownGenerator.generate(longPrompts, options, createRandom(1));
    const scorer = createScorer(backend, long, own);
    const scored = await scorer.logProbs(
      generations.map(({ ids }, row) => ({ ids: [...(longPrompts[row] as number[]), ...ids] })),
    );
    for (const [row, { logProbs }] of generations.entries()) {
      const expected = (scored[row] as Float32Array).subarray(-2);
      expect(logProbs[0]).toBeCloseTo(expected[0] as number, 4);
      expect(logProbs[1]).toBeCloseTo(expected[1] as number, 4);
    }
  });

  it("names all that does not fit", async () => {
    const run = generator.generate(
      [[], [31], Array.from({ length: 35 }, () => 1)],
      { maxNewTokens: 6, temperature: 1, stopTokenIds: [99], batchSize: 0 },
      createRandom(1),
    );
    await expect(run).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: generation: batchSize must be an integer of at least 1, it is 0; stop token 99 is outside the vocabulary of 31; prompt 0 is empty; it needs at least one token; prompt 1 holds 31, outside the vocabulary of 31; prompt 2 has 35 tokens: with 6 new ones it exceeds the model's 40 positions; shorten it or lower maxNewTokens]`,
    );
  });
});
