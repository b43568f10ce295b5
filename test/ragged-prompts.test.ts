/** Prompts of different lengths in one batch: of padding nothing is computed, and of what is left nothing changes. */
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { type Backend, createRandom, type DeviceTensor, referenceBackend, uploadAll } from "@alignkit/core";
import { createGenerator, createModelConfig, hostTensors, initializeParameters } from "@alignkit/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectClose } from "./reference-model.js";

const vocabulary = 31;
// Wide weights, so that distributions are not flat.
const sizes = {
  vocab_size: vocabulary,
  hidden_size: 16,
  intermediate_size: 20,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  max_position_embeddings: 160,
  initializer_range: 0.4,
};
const configs = {
  "learned positions, one projection": createModelConfig({
    model_type: "gpt2",
    vocab_size: vocabulary,
    n_embd: 16,
    n_layer: 2,
    n_head: 2,
    n_positions: 160,
    initializer_range: 0.4,
  }),
  "rotary positions, heads side by side in one projection": createModelConfig({
    model_type: "gpt_neox",
    rotary_pct: 0.5,
    ...sizes,
  }),
  "a sliding window and shared keys": createModelConfig({
    model_type: "mistral",
    num_key_value_heads: 1,
    head_dim: 8,
    sliding_window: 9,
    ...sizes,
  }),
};

const random = createRandom(1);
const draw = (length: number) => Array.from({ length }, () => random.integer(vocabulary));
const batches = {
  // Of one token nothing is computed ahead.
  "a few tokens": [1, 7, 2, 20, 5],
  // 128 tokens are run at once: two rows go on in the second piece, one of them with a single token.
  "two pieces": [140, 1, 37, 130, 2, 60],
};

const backends = {
  // Sizes are rounded there.
  reference: async () => referenceBackend(),
  onnx: () => createOnnxBackend({ threads: 1 }),
};

describe.each(Object.entries(backends))("on %s", (_, create) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.dispose());

  it.each(Object.entries(configs))("with %s a prompt goes on as it does alone", async (__, config) => {
    const values = initializeParameters(config, "language_model", createRandom(2));
    const parameters = (await uploadAll(backend, hostTensors(values))) as Record<string, DeviceTensor>;
    const generator = createGenerator(backend, config, parameters);
    for (const lengths of Object.values(batches)) {
      const prompts = lengths.map(draw);
      const options = { maxNewTokens: 4, temperature: 1, ignoreEos: true };
      const together = await generator.generate(prompts, options, createRandom(3));
      const alone = await generator.generate(prompts, { ...options, batchSize: 1 }, createRandom(3));
      for (const [row, { ids, logProbs }] of together.entries()) {
        const expected = alone[row] as (typeof alone)[number];
        expect(ids).toEqual(expected.ids);
        expectClose(`prompt of ${lengths[row]}`, logProbs, expected.logProbs, 1e-4);
      }
    }
    await generator.dispose();
    for (const tensor of Object.values(parameters)) tensor.dispose();
  });
});
