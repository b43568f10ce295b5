/** What is sampled is what is trained: the sampler's probabilities and those of the training graphs, with masks, too. */
import {
  type Backend,
  compileFunction,
  createRandom,
  type DeviceTensor,
  float32,
  int32,
  referenceBackend,
  type Tensor,
  uploadAll,
} from "@alignkit/core";
import {
  createModelConfig,
  hiddenStates,
  initializeParameters,
  leftPaddedMask,
  type ModelConfig,
  scalarScores,
} from "@alignkit/models";
import { beforeAll, describe, expect, it } from "vitest";
import { type PpoConfig, ppoConfig } from "./config.js";
import type { Episode } from "./episode.js";
import { createEpisodeScorer, createLogProbEvaluator, createValueEvaluator } from "./evaluate.js";
import { rollout, type SampledResponse, truncatedLength } from "./rollout.js";

const backend: Backend = referenceBackend();
const options = { padTokenId: 0, rowsPerForward: 3 };
const modelConfig: ModelConfig = createModelConfig({
  model_type: "llama",
  vocab_size: 27,
  hidden_size: 12,
  intermediate_size: 20,
  num_hidden_layers: 1,
  num_attention_heads: 3,
  num_key_value_heads: 1,
  max_position_embeddings: 32,
  eos_token_id: 2,
  // Wide weights, so that distributions are not flat.
  initializer_range: 0.5,
});
const prompts = [[3, 4, 5, 6, 7], [8], [9, 10, 11], [12, 13]].map((ids) => Int32Array.from(ids));

type Parameters = Readonly<Record<string, DeviceTensor>>;
let policy: Parameters;
let scalar: Parameters;

async function parametersOf(head: "language_model" | "scalar"): Promise<Parameters> {
  const values = initializeParameters(modelConfig, head, createRandom(2));
  return uploadAll(
    backend,
    Object.fromEntries([...values].map(([name, { shape, data }]) => [name, float32(data, shape)])),
  );
}

beforeAll(async () => {
  policy = await parametersOf("language_model");
  scalar = await parametersOf("scalar");
});

const sample = (changes: Partial<PpoConfig>, stopTokenIds: readonly number[] = [2]) =>
  rollout(
    backend,
    modelConfig,
    policy,
    prompts,
    { ...ppoConfig.parse({ response_length: 7 }), ...changes },
    stopTokenIds,
    createRandom(5),
  );

/** The largest difference between the sampler's log-probabilities and those computed anew. */
async function largestDifference(episodes: readonly SampledResponse[], temperature = 1): Promise<number> {
  const again = await createLogProbEvaluator(backend, modelConfig, temperature, options)(policy, episodes);
  const differences = episodes.flatMap(({ logProbs }, b) =>
    Array.from(logProbs, (logProb, t) => Math.abs(logProb - again[b]![t]!)),
  );
  expect(differences.length).toBeGreaterThan(10);
  return Math.max(...differences);
}

describe("log-probabilities", () => {
  it.each([
    { temperature: 1 },
    { temperature: 0.7 },
    { top_k: 4 },
    { top_p: 0.6 },
    { top_k: 9, top_p: 0.8, temperature: 1.4 },
  ])("are the same sampled and computed anew: %o", async (changes) => {
    const episodes = await sample(changes);
    // Float32 on both sides.
    expect(await largestDifference(episodes, changes.temperature)).toBeLessThan(1e-5);
  });

  it("need the masks", async () => {
    const episodes = await sample({ top_k: 4 });
    expect(episodes.every(({ masks, responseIds }) => masks?.length === responseIds.length)).toBe(true);
    expect(await largestDifference(episodes.map(({ masks: _, ...episode }) => episode))).toBeGreaterThan(0.1);
  });

  it("come without masks where nothing is cut", async () => {
    expect((await sample({})).every(({ masks }) => masks === undefined)).toBe(true);
  });
});

describe("truncate_token_id", () => {
  it("samples to the end, and scores the text up to the first such token", async () => {
    const whole = await sample({}, []);
    // A token that stands in the middle of the first response.
    const token = whole[0]!.responseIds[3]!;
    const cut = await sample({ truncate_token_id: token, truncate_after: 1 });
    for (const [b, { responseIds, finished, scoredLength }] of cut.entries()) {
      expect(Array.from(responseIds)).toEqual(Array.from(whole[b]!.responseIds));
      const at = Array.from(responseIds).indexOf(token, 1);
      expect(finished).toBe(at >= 0);
      expect(scoredLength).toBe(at >= 0 ? at + 1 : 7);
    }
    expect(cut[0]!.finished).toBe(true);
  });

  it("counts from a place on", () => {
    expect(truncatedLength([5, 9, 7, 9], 9, 0)).toBe(2);
    expect(truncatedLength([5, 9, 7, 9], 9, 1)).toBe(2);
    expect(truncatedLength([5, 9, 7, 9], 9, 2)).toBe(4);
    expect(truncatedLength([5, 9, 7, 9], 4, 0)).toBeUndefined();
  });
});

const episodes: readonly Episode[] = [
  [3, 4, 5],
  [6, 7, 8, 9, 10, 11],
  [12, 13, 14],
].map((ids, b) => ({
  promptIds: prompts[b]!,
  responseIds: Int32Array.from(ids),
  finished: true,
  stepAfterEnd: b !== 1,
}));

describe("values", () => {
  it("has one of the state after the last token where there is a step", async () => {
    const valuesOf = createValueEvaluator(backend, modelConfig, options);
    const values = await valuesOf(scalar, episodes);
    expect(values.map((row) => row.length)).toEqual([4, 6, 4]);
    const longer = episodes.map((episode) => ({
      ...episode,
      responseIds: Int32Array.from([...episode.responseIds, 1]),
      stepAfterEnd: false,
    }));
    // The value before one more token is that of the state after the last one.
    const expected = await valuesOf(scalar, longer);
    for (const b of [0, 2]) expect(values[b]![3]).toBeCloseTo(expected[b]![3]!, 6);
  });
});

describe("scores", () => {
  it("do not depend on padding: alone, with others, or padded on the left", async () => {
    const scoresOf = createEpisodeScorer(backend, modelConfig, options);
    const together = await scoresOf(scalar, episodes);
    const leftPadded = compileFunction(
      backend,
      (
        x: { parameters: Readonly<Record<string, Tensor>> } & Record<
          "ids" | "positions" | "real" | "last",
          Tensor
        >,
      ) => ({
        scores: scalarScores(
          modelConfig,
          x.parameters,
          hiddenStates(modelConfig, x.parameters, {
            inputIds: x.ids,
            positionIds: x.positions,
            mask: leftPaddedMask(x.real),
            rows: x.last,
          }),
        ),
      }),
    );
    for (const [b, episode] of episodes.entries()) {
      expect((await scoresOf(scalar, [episode]))[0]).toBeCloseTo(together[b]!, 6);
      const ids = [...episode.promptIds, ...episode.responseIds];
      const row = (real: readonly number[], padding: number) =>
        int32([...new Array<number>(4).fill(padding), ...real], [1, ids.length + 4]);
      const { scores } = await leftPadded({
        parameters: scalar,
        ids: row(ids, 26),
        positions: row([...ids.keys()], 0),
        real: row(
          ids.map(() => 1),
          0,
        ),
        last: int32([ids.length + 3], [1]),
      });
      expect((await scores.read()).data[0]).toBeCloseTo(together[b]!, 5);
    }
  });
});
