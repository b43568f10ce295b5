import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  checkWiring,
  createRandom,
  createRegistry,
  type Logger,
  planPipeline,
  referenceBackend,
  runPipeline,
  silentLogger,
} from "@alignkit/core";
import {
  createModelConfig,
  initializeParameters,
  readModelDirectory,
  readTokenizerFiles,
  writeModelDirectory,
} from "@alignkit/models";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reward } from "./plugin.js";

const tokenizer = fileURLToPath(new URL("../../tokenizer/fixtures/bpe_gpt2/", import.meta.url));
const registry = createRegistry([reward()]);
const policyConfig = createModelConfig({
  model_type: "llama",
  vocab_size: 620,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 32,
});

let scratch: string;
let policy: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "alignkit-reward-stage-"));
  policy = join(scratch, "policy");
  const parameters = initializeParameters(policyConfig, "language_model", createRandom(2));
  await writeModelDirectory(
    policy,
    { config: policyConfig, head: "language_model", parameters, generationConfig: null },
    { files: await readTokenizerFiles(tokenizer) },
  );
});
afterEach(() => rm(scratch, { recursive: true }));

async function write(name: string, rows: readonly unknown[]): Promise<string> {
  await writeFile(join(scratch, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return name;
}
const rankings = [
  { prompt: "Q: 2+2?", responses: [" 4", " 5", " four, I think", " no"], ranks: [1, 3, 2, 3] },
  { prompt: "Q: cat?", responses: [" A small animal.", " Yes."], ranks: [1, 2] },
  { prompt: "Q: same?", responses: [" a", " b"], ranks: [1, 1] },
];

async function run(name: string, init: string, config: unknown, logger: Logger = silentLogger) {
  const { artifacts } = await runPipeline(
    { stages: [{ use: "reward", config, inputs: { init: { path: init } } }] },
    {
      registry,
      backend: referenceBackend(),
      runDirectory: join(scratch, name),
      baseDirectory: scratch,
      seed: 5,
      logger,
    },
  );
  return artifacts["reward.rewardModel"]!;
}

describe("reward", () => {
  it("makes a reward model of a policy, and goes on with one", async () => {
    await write("rankings.jsonl", rankings);
    await write("demos.jsonl", [{ prompt: "Q: 2+2?", completion: " 4" }]);
    const messages: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => messages.push(message) };
    const config = {
      train_files: "rankings.jsonl",
      demonstration_files: "demos.jsonl",
      learning_rate: 0.01,
      per_device_train_batch_size: 2,
    };
    const first = await run("first", policy, config, logger);
    expect(messages).toEqual([
      expect.stringMatching(/rankings\.jsonl: 1 rankings left out, because all their ranks are equal/),
    ]);

    const model = await readModelDirectory(first);
    const source = JSON.parse(await readFile(join(first, "config.json"), "utf8"));
    expect(model.head).toBe("scalar");
    expect(source.architectures).toEqual(["LlamaForSequenceClassification"]);
    expect(source.reward_bias).toBe(model.config.rewardBias);
    expect(model.config.rewardBias).not.toBe(0);
    expect(model.parameters.get("score.weight")!.shape).toEqual([1, 8]);
    expect(model.parameters.has("lm_head.weight")).toBe(false);
    const written = await readFile(join(first, "tokenizer.json"));
    expect(written.equals(await readFile(join(tokenizer, "tokenizer.json")))).toBe(true);

    // A rate of 0 keeps every weight, the head too: it is not drawn anew.
    const second = await readModelDirectory(await run("second", first, { ...config, learning_rate: 0 }));
    expect(second.parameters).toEqual(model.parameters);
    expect(second.config.rewardBias).toBeCloseTo(model.config.rewardBias, 6);
  });

  it("draws a new head from N(0, 1/sqrt(D + 1)) and keeps the decoder", async () => {
    await write("rankings.jsonl", rankings);
    const config = { train_files: "rankings.jsonl", learning_rate: 0, max_steps: 1 };
    const [before, after] = [
      await readModelDirectory(policy),
      await readModelDirectory(await run("run", policy, config)),
    ];
    for (const [name, value] of after.parameters) {
      if (name !== "score.weight") expect(value).toEqual(before.parameters.get(name));
    }
    // 8 draws with a deviation of 1/3: beyond 4 deviations once in 2,000 seeds.
    const head = after.parameters.get("score.weight")!.data;
    expect(Math.max(...head.map(Math.abs))).toBeLessThan(4 / 3);
    expect(new Set(head).size).toBe(8);
  });

  it("plans steps and memory", async () => {
    await write("rankings.jsonl", rankings);
    const stage = {
      use: "reward",
      config: {
        train_files: "rankings.jsonl",
        per_device_train_batch_size: 1,
        gradient_accumulation_steps: 2,
      },
      inputs: { init: { path: policy } },
    };
    const wired = await checkWiring(registry, { stages: [stage] }, { baseDirectory: scratch });
    const plans = await planPipeline(wired, { baseDirectory: scratch });
    // 5,472 parameters: 620 x 8, attention 64 + 32 + 32 + 64, MLP 3 x 96, norms 3 x 8, head 8; 4 bytes each.
    const { outputsLike, ...plan } = plans[0]?.plan ?? {};
    expect(outputsLike).toEqual({ rewardModel: { directory: policy } });
    expect(plan).toMatchInlineSnapshot(`
      {
        "memory": {
          "activations": 35281,
          "gradients": 43776,
          "optimizer": 43776,
          "parameters": 21888,
          "runtime, about": 149946368,
          "weights to be written": 21888,
        },
        "notes": [
          "2 prompts with 6 responses of at most 15 tokens, 6 untied pairs",
          "1 prompts x 2 forward passes an update, 1 updates an epoch",
          "0 held-out prompts, 0 demonstrations for the bias",
          "the scalar head is new",
        ],
        "steps": 1,
      }
    `);
  });

  it("holds out labelers, and reports the others beside them", async () => {
    const by = (labeler: string, rows: readonly object[]) => rows.map((row) => ({ ...row, labeler }));
    const two = rankings.slice(0, 2);
    await write("rankings.jsonl", [...by("Ann", two), ...by("Bob", two)]);
    await write("eval.jsonl", by("Ann", two));
    const config = {
      train_files: "rankings.jsonl",
      eval_files: "eval.jsonl",
      labeler_column: "labeler",
      labeler_folds: 2,
      fold: 1,
    };
    await run("run", policy, config);
    const lines = (await readFile(join(scratch, "run/metrics.jsonl"), "utf8")).trim().split("\n");
    const metrics = JSON.parse(lines.at(-1)!);
    // One update of Ann's two rankings. Bob's are the same ones, so that both groups are judged alike.
    expect(lines).toHaveLength(1);
    expect(metrics["eval_accuracy/held_out_labelers"]).toBeGreaterThanOrEqual(0);
    expect(metrics["eval_accuracy/training_labelers"]).toBe(metrics["eval_accuracy/held_out_labelers"]);

    await expect(run("other", policy, { ...config, labeler_column: null })).rejects.toThrow(
      "labeler_folds is 2, but labeler_column does not say who ranked; give both",
    );
  });

  it("names file and line of what is wrong, in all files", async () => {
    await write("rankings.jsonl", [
      rankings[0],
      { prompt: "a", responses: ["b", "c"], ranks: [1, 2], margin: "x" },
    ]);
    await write("eval.jsonl", [{ prompt: "a", responses: ["b", "c", "d"], ranks: [1, 2, 3], margin: 1 }]);
    const config = { train_files: "rankings.jsonl", eval_files: "eval.jsonl" };
    await expect(run("run", policy, config)).rejects.toThrow(
      /rankings\.jsonl:2: "margin" is "x"; give a number\n.*eval\.jsonl:1: "margin" stands beside 3 responses/,
    );
  });
});
