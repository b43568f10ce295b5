/** PPO with models of different sizes and families, each with what it reads. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { createRandom, silentLogger, uploadAll } from "@alignkit/core";
import {
  createModelConfig,
  createRewardScorer,
  hostTensors,
  initializeParameters,
  readModelDirectory,
  writeModelDirectory,
} from "@alignkit/models";
import { ppoConfig, ppoStage } from "@alignkit/ppo";
import { type Tokenizer, trainByteLevelBpe } from "@alignkit/tokenizer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runPpo } from "./fixtures/run-ppo.js";

const text = "the cat sat on the mat and the dog ran to the cat; a man sang of the sun and the sand";
let root: string;
let policyTokens: Tokenizer;
let rewardTokens: Tokenizer;

async function writeModel(
  name: string,
  head: "language_model" | "scalar",
  tokenizer: Tokenizer,
  fields: Readonly<Record<string, unknown>>,
): Promise<void> {
  const config = createModelConfig({
    ...fields,
    vocab_size: tokenizer.vocabularySize,
    bos_token_id: tokenizer.bosTokenId ?? null,
    eos_token_id: tokenizer.eosTokenId ?? null,
    pad_token_id: tokenizer.padTokenId ?? null,
    initializer_range: 0.2,
  });
  const parameters = initializeParameters(config, head, createRandom(name.length));
  await writeModelDirectory(
    join(root, name),
    {
      config: { ...config, rewardBias: head === "scalar" ? -0.5 : 0 },
      head,
      parameters,
      generationConfig: null,
    },
    { files: tokenizer.files },
  );
}

const llama = {
  model_type: "llama",
  hidden_size: 24,
  intermediate_size: 40,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  num_key_value_heads: 3,
  max_position_embeddings: 96,
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "alignkit-ppo-models-"));
  policyTokens = trainByteLevelBpe({ texts: [text], vocabularySize: 300 });
  rewardTokens = trainByteLevelBpe({ texts: ["a quite other text, with other merges"], vocabularySize: 280 });
  await writeModel("policy", "language_model", policyTokens, {
    model_type: "gpt2",
    n_embd: 16,
    n_layer: 1,
    n_head: 2,
    n_positions: 40,
  });
  await writeModel("reward", "scalar", rewardTokens, llama);
  await writeModel("value", "scalar", policyTokens, { ...llama, hidden_size: 12, num_hidden_layers: 1 });
  const prompts = ["the cat", "a man sang", "the sun and"].map((prompt) => `${JSON.stringify({ prompt })}\n`);
  await writeFile(join(root, "prompts.jsonl"), prompts.join(""));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const config = {
  prompt_files: "prompts.jsonl",
  batch_size: 6,
  num_mini_batches: 2,
  total_episodes: 6,
  response_length: 8,
  warmup_steps: 0,
  learning_rate: 1e-3,
  save_steps: 1,
};

const tensorsOf = async (run: string): Promise<Readonly<Record<string, Readonly<Record<string, object>>>>> =>
  JSON.parse(
    await readFile(join(root, run, "stages", "ppo", "checkpoints", "step-1", "manifest.json"), "utf8"),
  ).tensors;

describe("a gpt2 policy with a llama reward model of another tokenizer", () => {
  it("is scored in the reward model's own ids; its value model starts from itself", async () => {
    await runPpo({ root, run: "mixed", config, seed: 1 });
    const { value } = await tensorsOf("mixed");
    expect(Object.keys(value!)).toContain("transformer.wte.weight");

    const samples = (await readFile(join(root, "mixed", "stages", "ppo", "samples.jsonl"), "utf8"))
      .trimEnd()
      .split("\n")
      .map((line): { prompt: string; response: string; score: number } => JSON.parse(line));
    const backend = await createOnnxBackend({ threads: 1 });
    const model = await readModelDirectory(join(root, "reward"));
    const scorer = createRewardScorer(
      backend,
      model.config,
      await uploadAll(backend, hostTensors(model.parameters)),
    );
    for (const { prompt, response, score } of samples) {
      const ids = [
        ...rewardTokens.encode(prompt),
        ...rewardTokens.encode(response, { addSpecialTokens: false }),
      ];
      // With the end token where the policy gave one.
      const scores = await scorer.scores([ids, [...ids, rewardTokens.eosTokenId!]]);
      expect(Math.min(...Array.from(scores, (one) => Math.abs(one - score)))).toBeLessThan(1e-4);
    }
    await backend.dispose();
  });

  it("takes a value model of its own", async () => {
    await runPpo({ root, run: "own-value", config, seed: 1, inputs: { valueModel: { path: "value" } } });
    const { value, "value-m": m, "value-v": v } = await tensorsOf("own-value");
    expect(Object.keys(value!)).toContain("model.layers.0.self_attn.q_proj.weight");
    expect(Object.keys(m!)).toEqual(Object.keys(value!));
    expect(Object.keys(v!)).toEqual(Object.keys(value!));
  });

  it("is planned before it runs: whose weights, and what it does with them", async () => {
    const plan = async (inputs: Readonly<Record<string, string>>, changes: object = {}) => {
      const { memory } = await ppoStage().plan!(
        { name: "ppo", pending: new Set(), logger: silentLogger, resolvePath: (path) => join(root, path) },
        ppoConfig.parse({ ...config, ...changes }),
        Object.fromEntries(
          Object.entries({ init: "policy", rewardModel: "reward", ...inputs }).map(([name, path]) => [
            name,
            { directory: join(root, path) },
          ]),
        ),
      );
      return memory!;
    };
    const bytes = async (name: string) => {
      const { parameters } = await readModelDirectory(join(root, name));
      return [...parameters.values()].reduce((total, { data }) => total + 4 * data.length, 0);
    };
    const [policy, reward, value] = [await bytes("policy"), await bytes("reward"), await bytes("value")];
    const own = await plan({});
    expect(own).toMatchObject({
      "policy weights": policy,
      "policy optimizer": 2 * policy,
      "policy average": policy,
      "reference weights": policy,
      "reward model weights": reward,
      // The policy's body with a scalar head of width 16.
      "value weights": policy + 4 * 16,
    });
    expect((await plan({ valueModel: "value" }))["value weights"]).toBe(value);
    for (const part of ["activations of updates", "activations of scoring"]) {
      expect((await plan({}, { per_device_train_batch_size: 3 }))[part]).toBeGreaterThan(
        (await plan({}, { per_device_train_batch_size: 1 }))[part]!,
      );
    }
  });

  it("refuses a value model that reads other ids, and models that are too small", async () => {
    const attempt = (run: string, inputs: object, changes: object = {}) =>
      runPpo({ root, run, config: { ...config, ...changes }, seed: 1, inputs }).then(
        () => "nothing",
        (error: Error) => error.message.replaceAll(`${root}/`, ""),
      );
    expect(await attempt("bad-value", { valueModel: { path: "reward" } })).toBe(
      "ppo: the tokenizer of the value model (reward) is not the policy's, whose ids it reads; start it from another model",
    );
    await writeModel("short", "language_model", rewardTokens, { ...llama, max_position_embeddings: 9 });
    const message = await attempt("bad-reference", { reference: { path: "short" } });
    expect(message).toContain("the reference (short) knows");
    expect(message).toContain("the reference (short) has 9 positions, the longest prompt with its response ");
  });
});
