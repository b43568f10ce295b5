/**
 * The memory that `--dry-run` foretells beside what the stages take, on GPT-2 124M with random weights.
 *
 *   node --conditions=@alignkit/source --import tsx bench/memory-plan.ts [sft] [reward] [ppo] [ppo-twice]
 *
 * Each stage runs in a process of its own through `runPipeline`; measured is the most that was resident at once.
 */
import { fork } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import {
  checkWiring,
  createRandom,
  createRegistry,
  type Pipeline,
  planPipeline,
  runPipeline,
} from "@alignkit/core";
import { type Head, initializeParameters, writeModelDirectory } from "@alignkit/models";
import { ppo } from "@alignkit/ppo";
import { reward } from "@alignkit/reward";
import { sft } from "@alignkit/sft";
import { type ModelName, modelConfig, tokenIds } from "./alignkit/models.js";
import { peakMegabytes } from "./alignkit/resident-memory.js";

const model: ModelName = "gpt2-124m";
const bytesPerMegabyte = 2 ** 20;
const vocabulary = 50_257;

const rows = (length: number, count: number) => tokenIds(vocabulary, count, length).map((ids) => [...ids]);
const lines = (records: readonly unknown[]) =>
  records.map((record) => `${JSON.stringify(record)}\n`).join("");

/** What each stage learns from: rows of ids, so that no tokenizer is needed. */
const files: Readonly<Record<string, string>> = {
  "demonstrations.jsonl": lines(rows(128, 12).map((ids) => ({ input_ids: ids, labels: ids }))),
  "rankings.jsonl": lines(
    [0, 1, 2].map((first) => ({
      input_ids: rows(128, 12).slice(4 * first, 4 * first + 4),
      ranks: [1, 2, 3, 4],
    })),
  ),
  "prompts.jsonl": lines(rows(32, 64).map((ids) => ({ input_ids: ids }))),
};

/** 32 an iteration, of 32 + 48 tokens. */
const episodes = {
  prompt_files: "prompts.jsonl",
  batch_size: 32,
  num_mini_batches: 4,
  per_device_train_batch_size: 8,
  generation_batch_size: 32,
  max_prompt_length: 32,
  response_length: 48,
};
/** Four models. */
const ppoStage = { use: "ppo", inputs: { init: { path: "policy" }, rewardModel: { path: "reward-model" } } };

const stages: Readonly<Record<string, Pipeline["stages"][number]>> = {
  /** 4 rows of 128 tokens, all learned. */
  sft: {
    use: "sft",
    config: {
      train_files: "demonstrations.jsonl",
      per_device_train_batch_size: 4,
      max_steps: 3,
      save_steps: 2,
    },
    inputs: { init: { path: "policy" } },
  },
  /** One prompt with 4 responses of 128 tokens. */
  reward: {
    use: "reward",
    config: { train_files: "rankings.jsonl", per_device_train_batch_size: 1, max_steps: 3, save_steps: 2 },
    inputs: { init: { path: "policy" } },
  },
  /** One iteration. A checkpoint is streamed to the disk; without one this takes minutes less. */
  ppo: { ...ppoStage, config: { ...episodes, total_episodes: 32, save_steps: 0 } },
  "ppo-twice": { ...ppoStage, config: { ...episodes, total_episodes: 64, save_steps: 1 } },
};

const registry = () => createRegistry([sft(), reward(), ppo()]);

/** In a process of its own: runs one stage and sends the peak, in MB of 2^20 bytes. */
async function measure(stage: string, directory: string): Promise<void> {
  const backend = await createOnnxBackend();
  await runPipeline(
    { stages: [stages[stage] as Pipeline["stages"][number]] },
    {
      registry: registry(),
      backend,
      runDirectory: join(directory, `run-${stage}`),
      baseDirectory: directory,
      seed: 0,
    },
  );
  await backend.dispose();
  process.send?.(peakMegabytes());
}

function measureApart(stage: string, directory: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), ["--measure", stage, directory], {
      execArgv: process.execArgv,
    });
    let peak: number | undefined;
    child.on("message", (message) => {
      peak = message as number;
    });
    child.on("exit", (code) =>
      peak === undefined ? reject(new Error(`${stage} ended with code ${code}`)) : resolve(peak),
    );
  });
}

async function writeInputs(directory: string): Promise<void> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const config = modelConfig(model);
  const generationConfig = { eos_token_id: vocabulary - 1 };
  const heads: Readonly<Record<string, Head>> = { policy: "language_model", "reward-model": "scalar" };
  for (const [name, head] of Object.entries(heads)) {
    const parameters = initializeParameters(config, head, createRandom(0).split(name));
    await writeModelDirectory(join(directory, name), { config, head, parameters, generationConfig });
  }
}

async function compare(names: readonly string[]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "alignkit-memory-"));
  try {
    await writeInputs(directory);
    for (const name of names) {
      const stage = stages[name];
      if (stage === undefined)
        throw new Error(`stage ${name} is unknown; known: ${Object.keys(stages).join(", ")}`);
      const wired = await checkWiring(registry(), { stages: [stage] }, { baseDirectory: directory });
      const [planned] = await planPipeline(wired, { baseDirectory: directory });
      const memory = Object.entries(planned?.plan.memory ?? {});
      const total = memory.reduce((sum, [, bytes]) => sum + bytes, 0) / bytesPerMegabyte;
      const parts = memory.map(([part, bytes]) => `    ${part}: ${Math.round(bytes / bytesPerMegabyte)} MB`);
      console.log(`${name}: plan ${Math.round(total)} MB\n${parts.join("\n")}`);
      const measured = await measureApart(name, directory);
      const difference = ((100 * (total - measured)) / measured).toFixed(1);
      console.log(`    measured: ${Math.round(measured)} MB; the plan is off by ${difference} %`);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const [first, ...rest] = process.argv.slice(2);
if (first === "--measure") await measure(rest[0] as string, rest[1] as string);
else await compare(first === undefined ? Object.keys(stages) : [first, ...rest]);
