import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  checkWiring,
  createRandom,
  createRegistry,
  type Pipeline,
  planPipeline,
  referenceBackend,
  runPipeline,
} from "@alignkit/core";
import { initializeParameters, readModelDirectory, writeModelDirectory } from "@alignkit/models";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sft } from "./plugin.js";

const tokenizer = fileURLToPath(new URL("../../tokenizer/fixtures/bpe_gpt2/", import.meta.url));
const gpt2 = fileURLToPath(new URL("../fixtures/training/model/", import.meta.url));
const registry = createRegistry([sft()]);

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "alignkit-sft-stage-"));
});
afterEach(() => rm(scratch, { recursive: true }));

async function write(name: string, rows: readonly unknown[]): Promise<string> {
  await writeFile(join(scratch, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return name;
}
const run = (pipeline: Pipeline) =>
  runPipeline(pipeline, {
    registry,
    backend: referenceBackend(),
    runDirectory: join(scratch, "run"),
    baseDirectory: scratch,
    seed: 5,
  });

describe("pretrain and sft", () => {
  it("make a policy from a config, raw text and demonstrations", async () => {
    await write("texts.jsonl", [
      { text: "The cat sat on the mat." },
      { text: "A dog ran." },
      { text: "The end." },
    ]);
    await write("demos.jsonl", [{ prompt: "Who sat?", completion: " The cat." }]);
    const model = { model_type: "gpt2", n_positions: 16, n_embd: 8, n_layer: 1, n_head: 2 };
    const common = { per_device_train_batch_size: 2, learning_rate: 0.01 };
    const { artifacts, runDirectory } = await run({
      stages: [
        {
          use: "pretrain",
          config: { ...common, model, tokenizer, train_files: "texts.jsonl", eval_files: "texts.jsonl" },
        },
        { use: "sft", config: { ...common, train_files: ["demos.jsonl"], num_train_epochs: 2 } },
      ],
    });
    // This tokenizer pads with its end token, as GPT-2's users make it do.
    const { eos_token_id: end, pad_token_id: padding } = JSON.parse(
      await readFile(join(artifacts["pretrain.policy"]!, "config.json"), "utf8"),
    );
    expect([end, padding]).toEqual([617, null]);
    const [base, policy] = await Promise.all(
      ["pretrain.policy", "sft.policy"].map((name) => readModelDirectory(artifacts[name]!)),
    );
    // Sizes and ids of the vocabulary come from the tokenizer.
    const vocabulary = JSON.parse(await readFile(join(tokenizer, "cases.json"), "utf8")).about.vocab_size;
    expect(base!.config.vocabularySize).toBe(vocabulary);
    expect(policy!.config).toEqual(base!.config);
    expect(policy!.head).toBe("language_model");
    expect(policy!.generationConfig).toEqual(base!.generationConfig);
    const embedding = "transformer.wte.weight";
    expect(policy!.parameters.get(embedding)!.data).not.toEqual(base!.parameters.get(embedding)!.data);
    for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
      const written = await readFile(join(artifacts["sft.policy"]!, name));
      expect(written.equals(await readFile(join(tokenizer, name)))).toBe(true);
    }
    const lines = (await readFile(join(runDirectory, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
    expect(lines.map((line) => Object.keys(JSON.parse(line)).join())).toMatchInlineSnapshot(`
      [
        "stage,step,loss,grad_norm,learning_rate,num_tokens,epoch,tokens_per_second,memory/peak_resident_bytes,eval_loss",
        "stage,step,loss,grad_norm,learning_rate,num_tokens,epoch,tokens_per_second,memory/peak_resident_bytes",
        "stage,step,loss,grad_norm,learning_rate,num_tokens,epoch,tokens_per_second,memory/peak_resident_bytes",
      ]
    `);
  });
});

describe("selection and mix", () => {
  it("keeps the weights that a reward model scores best on validation prompts", async () => {
    await write(
      "rows.jsonl",
      Array.from({ length: 4 }, (_, row) => ({ input_ids: new Array(row + 3).fill(row + 1) })),
    );
    await write("prompts.jsonl", [{ input_ids: [1, 2] }, { input_ids: [3] }]);
    const { config: modelConfig } = await readModelDirectory(gpt2);
    const reward = {
      config: modelConfig,
      head: "scalar",
      parameters: initializeParameters(modelConfig, "scalar", createRandom(2)),
      generationConfig: null,
    } as const;
    await writeModelDirectory(join(scratch, "reward"), reward, { overwrite: true });
    const { runDirectory } = await run({
      stages: [
        {
          use: "sft",
          config: {
            train_files: "rows.jsonl",
            pretrain_files: "rows.jsonl",
            pretrain_mix: 0.5,
            max_steps: 3,
            per_device_train_batch_size: 2,
            learning_rate: 0.01,
            eval_steps: 1,
            eval_on_start: true,
            load_best_model_at_end: true,
            eval_prompt_files: "prompts.jsonl",
            eval_response_length: 4,
          },
          inputs: { init: { path: gpt2 }, rewardModel: { path: "reward" } },
        },
      ],
    });
    const lines = (await readFile(join(runDirectory, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
    const metrics = lines.map((line) => JSON.parse(line) as Record<string, number>);
    const rewards = metrics.map(({ eval_reward }) => eval_reward!);
    expect(rewards.every(Number.isFinite)).toBe(true);
    expect(metrics.map(({ step }) => step)).toEqual([0, 1, 2, 3]);
    // 4 demonstrations and 4 texts an epoch, 2 an update.
    expect(metrics.at(-1)!.epoch).toBe(0.75);
    expect(metrics.at(-1)!.best_step).toBe(1 + rewards.slice(1).indexOf(Math.max(...rewards.slice(1))));
  });

  it("says what is missing", async () => {
    await write("rows.jsonl", [{ input_ids: [1, 2, 3] }]);
    const problemOf = async (config: Readonly<Record<string, unknown>>): Promise<string> => {
      const stage = {
        use: "sft",
        config: { train_files: "rows.jsonl", max_steps: 1, ...config },
        inputs: { init: { path: gpt2 } },
      };
      await rm(join(scratch, "run"), { recursive: true, force: true });
      return run({ stages: [stage] }).then(
        () => "",
        (error: Error) => error.message,
      );
    };
    expect(await problemOf({ pretrain_mix: 0.1 })).toContain(
      'pretrain_mix is 0.1: give "pretrain_files", or the input "texts"',
    );
    expect(await problemOf({ pretrain_files: "rows.jsonl" })).toContain("pretrain_mix is 0");
    expect(await problemOf({ load_best_model_at_end: true })).toContain("give eval_files");
    expect(await problemOf({ load_best_model_at_end: true, metric_for_best_model: "eval_reward" })).toContain(
      "eval_reward needs the input `rewardModel`",
    );
    expect(await problemOf({ load_best_model_at_end: true, eval_files: "rows.jsonl" })).toContain(
      "eval_steps is null",
    );
  });
});

describe("plan", () => {
  it("tells steps and memory without training", async () => {
    await write(
      "rows.jsonl",
      Array.from({ length: 7 }, (_, row) => ({ input_ids: new Array(row + 3).fill(row) })),
    );
    const stage = {
      use: "sft",
      config: { train_files: "rows.jsonl", per_device_train_batch_size: 2, gradient_accumulation_steps: 2 },
      inputs: { init: { path: gpt2 } },
    };
    const wired = await checkWiring(registry, { stages: [stage] }, { baseDirectory: scratch });
    const plans = await planPipeline(wired, { baseDirectory: scratch });
    // 32,128 parameters: 160 x 32 + 48 x 32 embeddings, 2 layers of 12,704, 64 in the last norm.
    // 7 rows in windows of 4 are 2 updates, 16 epochs. 16,384 bytes of the activations are dropout masks: 2 of each of 2
    // layers, 2 rows x 16 tokens x 32.
    const { outputsLike, ...plan } = plans[0]?.plan ?? {};
    expect(outputsLike).toEqual({ policy: { directory: gpt2.replace(/\/$/, "") } });
    expect(plan).toMatchInlineSnapshot(`
      {
        "memory": {
          "activations": 292408,
          "gradients": 257024,
          "optimizer": 257024,
          "parameters": 128512,
          "runtime, about": 149946368,
          "weights to be written": 128512,
        },
        "notes": [
          "7 examples of at most 9 tokens: 42 tokens, 35 of them learned",
          "2 rows x 2 forward passes an update, 2 updates an epoch",
          "0 held-out examples",
        ],
        "steps": 32,
      }
    `);
  });
});

describe("config and data", () => {
  it("names all problems of a config before any work", async () => {
    const stage = {
      use: "sft",
      config: { learning_rate: -1, warmup: 3, train_files: [], loss_reduction: "mean" },
      inputs: { init: { path: gpt2 } },
    };
    await expect(run({ stages: [stage] })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [WiringError: pipeline: 4 problems
      - sft.config.train_files ([]): Too small: expected array to have >=1 items
      - sft.config.loss_reduction ("mean"): Invalid option: expected one of "token_mean"|"micro_mean"
      - sft.config.learning_rate (-1): Too small: expected number to be >=0
      - sft.config: Unrecognized key: "warmup"]
    `);
  });

  it("names the problems of training and held-out files together", async () => {
    await write("train.jsonl", [{ input_ids: [1, 2] }, { input_ids: [1, 999] }]);
    await write("eval.jsonl", [{ prompt: "a" }]);
    const stage = {
      use: "sft",
      config: { train_files: "train.jsonl", eval_files: "eval.jsonl" },
      inputs: { init: { path: gpt2 } },
    };
    await expect(run({ stages: [stage] })).rejects.toThrow(
      /train\.jsonl:2: .*999.*\n.*eval\.jsonl:1: "completion"/,
    );
  });

  it("asks for data and for a model", async () => {
    await expect(run({ stages: [{ use: "sft", inputs: { init: { path: gpt2 } } }] })).rejects.toThrow(
      `no data: give "train_files", or the input "demonstrations"`,
    );
    await rm(join(scratch, "run"), { recursive: true });
    const noModel = `no model: give "model" for a new one`;
    const stages = [{ use: "pretrain" }];
    await expect(run({ stages })).rejects.toThrow(noModel);
    const wired = await checkWiring(registry, { stages }, { baseDirectory: scratch });
    await expect(planPipeline(wired, { baseDirectory: scratch })).rejects.toThrow(noModel);
  });

  it("refuses a length that the model does not have", async () => {
    await write("rows.jsonl", [{ input_ids: [1, 2, 3] }]);
    const stage = {
      use: "sft",
      config: { train_files: "rows.jsonl", max_length: 49 },
      inputs: { init: { path: gpt2 } },
    };
    await expect(run({ stages: [stage] })).rejects.toThrow(
      "max_length is 49, but the model has 48 positions",
    );
  });
});

describe("training data", () => {
  const model = { model_type: "gpt2", n_positions: 16, n_embd: 8, n_layer: 1, n_head: 2 };
  const common = { per_device_train_batch_size: 2, learning_rate: 0.01 };

  it("leave no file", async () => {
    const texts = ["The cat sat on the mat.", "A dog ran and ran and ran away.", "The end.", "It was so."];
    await write(
      "texts.jsonl",
      texts.map((text) => ({ text })),
    );
    await write("demos.jsonl", [
      { prompt: "Who sat?", completion: " The cat." },
      { prompt: "Who ran?", completion: " A dog." },
    ]);
    const pretrain = { ...common, model, tokenizer, train_files: "texts.jsonl", document_mask: true };
    const sftConfig = {
      ...common,
      train_files: "demos.jsonl",
      pretrain_files: "texts.jsonl",
      pretrain_mix: 0.5,
      num_train_epochs: 2,
    };
    const stages = [
      { use: "pretrain", config: pretrain },
      { use: "sft", config: sftConfig },
    ];
    const settings = { registry, backend: referenceBackend(), baseDirectory: scratch, seed: 5 };
    await runPipeline({ stages }, { ...settings, runDirectory: join(scratch, "run") });
    const left = await readdir(scratch, { recursive: true });
    expect(left.filter((path) => path.includes("records-"))).toEqual([]);
  });

  it("are mixed by weight until the first file ends", async () => {
    const rows = (id: number, count: number) =>
      Array.from({ length: count }, () => ({ input_ids: [id, id, id] }));
    await write("a.jsonl", rows(1, 100));
    await write("b.jsonl", rows(2, 10));
    const plan = async (train_weights: readonly number[] | null) => {
      const config = { ...common, train_files: ["a.jsonl", "b.jsonl"], train_weights };
      const stages = [{ use: "sft", inputs: { init: { path: gpt2 } }, config }];
      const planned = await planPipeline(
        await checkWiring(registry, { stages }, { baseDirectory: scratch }),
        { baseDirectory: scratch },
      );
      return Number(/(\d+) examples/.exec(JSON.stringify(planned))?.[1]);
    };
    expect(await plan(null)).toBe(110);
    // b's 10 rows are a quarter, so that about 30 of a come with them; the draw is seeded.
    const mixed = await plan([3, 1]);
    expect(mixed).toBeGreaterThan(25);
    expect(mixed).toBeLessThan(60);
    await expect(plan([1])).rejects.toThrow("train_weights has 1 weights for 2 files");
  });
});
