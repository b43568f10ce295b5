/** A prompt computed once for its responses trains the same reward model on the ONNX backend, whose sizes are free. */
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { createRandom, type Metrics, silentProgress } from "@alignkit/core";
import { rankedPairs } from "@alignkit/data";
import { createModelConfig, initializeParameters } from "@alignkit/models";
import { rewardConfig, trainRewardModel } from "@alignkit/reward";
import { expect, it } from "vitest";

const gpt2 = createModelConfig({
  model_type: "gpt2",
  vocab_size: 64,
  n_positions: 64,
  n_embd: 16,
  n_layer: 2,
  n_head: 2,
  initializer_range: 0.2,
});
const llama = createModelConfig({
  model_type: "llama",
  vocab_size: 64,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 64,
  initializer_range: 0.2,
});

/** Prompts of 5 to 20 tokens with 2 to 9 responses of 1 to 12. */
const examples = Array.from({ length: 8 }, (_, index) => {
  const random = createRandom(index);
  const draw = (length: number) => Array.from({ length }, () => random.integer(64));
  const prompt = draw(5 + 2 * index);
  const rows = Array.from({ length: 2 + index }, () =>
    Int32Array.of(...prompt, ...draw(1 + random.integer(12))),
  );
  return { rows, pairs: rankedPairs(rows.map((_, place) => place % 5)) };
});

it.each([
  ["learned positions", gpt2],
  ["rotary positions", llama],
])("equals rows of their own, with %s", async (_, config) => {
  const backend = await createOnnxBackend({ threads: 1 });
  const train = async (share_prompts: boolean) => {
    const lines: Metrics[] = [];
    const { parameters } = await trainRewardModel({
      context: {
        name: "reward",
        backend,
        random: createRandom(3),
        tracker: { log: (_step, metrics) => lines.push(metrics) },
        progress: silentProgress,
        checkpoints: { save: async () => {}, latest: async () => undefined },
        signal: new AbortController().signal,
        now: () => performance.now(),
      },
      // With so large an epsilon an update is proportional to the gradient, so that weights compare gradients.
      config: rewardConfig.parse({
        share_prompts,
        per_device_train_batch_size: 3,
        adam_epsilon: 1,
        learning_rate: 0.5,
        lr_scheduler_type: "constant",
        max_grad_norm: null,
      }),
      model: { config, initialize: () => initializeParameters(config, "scalar", createRandom(1)) },
      examples,
    });
    return { lines, parameters };
  };
  const [alone, shared] = [await train(false), await train(true)];
  await backend.dispose();

  expect(shared.lines).toHaveLength(3);
  expect(shared.lines.at(-1)!.loss).not.toBe(shared.lines[0]!.loss);
  for (const [step, metrics] of shared.lines.entries()) {
    for (const name of ["loss", "accuracy", "mean_reward", "min_reward", "max_reward", "num_tokens"]) {
      expect(Math.abs(metrics[name]! - alone.lines[step]![name]!), `${name} of step ${step}`).toBeLessThan(
        1e-5,
      );
    }
  }
  for (const [name, { data }] of shared.parameters) {
    const other = alone.parameters.get(name)!.data;
    const largest = Math.max(...data.map((value, index) => Math.abs(value - other[index]!)));
    expect(largest, name).toBeLessThan(1e-5);
  }
});
