import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  checkWiring,
  createRegistry,
  type Pipeline,
  planPipeline,
  referenceBackend,
  runPipeline,
} from "@alignkit/core";
import { readModelDirectory } from "@alignkit/models";
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
        "stage,step,loss,grad_norm,learning_rate,num_tokens,epoch,tokens_per_second,eval_loss",
        "stage,step,loss,grad_norm,learning_rate,num_tokens,epoch,tokens_per_second",
        "stage,step,loss,grad_norm,learning_rate,num_tokens,epoch,tokens_per_second",
      ]
    `);
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
    expect(plans[0]?.plan).toMatchInlineSnapshot(`
      {
        "memory": {
          "activations": 189440,
          "gradients": 257024,
          "optimizer": 257024,
          "parameters": 128512,
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
      - sft.config.train_files: Too small: expected array to have >=1 items
      - sft.config.loss_reduction: Invalid option: expected one of "token_mean"|"micro_mean"
      - sft.config.learning_rate: Too small: expected number to be >=0
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
    await expect(run({ stages: [{ use: "pretrain" }] })).rejects.toThrow(
      `no model: give "model" for a new one`,
    );
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
