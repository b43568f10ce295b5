/** The three stages over a micro model, one pipeline, on any backend; and what their steps must have in common. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { type Backend, createRandom, createRegistry, runPipeline, silentLogger } from "@alignkit/core";
import { createModelConfig, initializeParameters, writeModelDirectory } from "@alignkit/models";
import { ppo } from "@alignkit/ppo";
import { reward } from "@alignkit/reward";
import { sft } from "@alignkit/sft";
import { expect } from "vitest";

/** Steps of each stage. */
export const stageSteps = 20;

type StepMetrics = Readonly<Record<string, number | string>>;

const config = createModelConfig({
  model_type: "gpt2",
  vocab_size: 29,
  n_positions: 32,
  n_embd: 16,
  n_layer: 2,
  n_head: 2,
  initializer_range: 0.2,
  bos_token_id: 1,
  eos_token_id: 2,
  pad_token_id: 0,
  embd_pdrop: 0,
  attn_pdrop: 0,
  resid_pdrop: 0,
});

const rows = Array.from({ length: 12 }, (_, index) => index);
const loop = { learning_rate: 5e-3, max_steps: stageSteps, per_device_train_batch_size: 4 };

const stages = [
  {
    use: "sft",
    config: { ...loop, train_files: "demonstrations.jsonl" },
    inputs: { init: { path: "base" } },
  },
  { use: "reward", config: { ...loop, train_files: "rankings.jsonl" } },
  {
    use: "ppo",
    inputs: { init: "sft.policy", rewardModel: "reward.rewardModel" },
    config: {
      prompt_files: "prompts.jsonl",
      ptx_files: "demonstrations.jsonl",
      batch_size: 4,
      num_mini_batches: 1,
      num_ppo_epochs: 1,
      total_episodes: 4 * stageSteps,
      response_length: 5,
      learning_rate: 1e-3,
      warmup_steps: 0,
      ptx_ratio: 0.5,
    },
  },
];

/** Files of the pipeline, for as long as the tests of a file run. */
export async function createPipelineFiles() {
  const root = await mkdtemp(join(tmpdir(), "alignkit-pipeline-"));
  await writeModelDirectory(join(root, "base"), {
    config,
    head: "language_model",
    parameters: initializeParameters(config, "language_model", createRandom(1)),
    generationConfig: null,
  });
  const write = (name: string, records: readonly object[]) =>
    writeFile(join(root, name), records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  await write(
    "demonstrations.jsonl",
    rows.map((i) => ({ input_ids: [1, 3 + i, 4 + i, 15 + i, 2], labels: [-100, -100, 4 + i, 15 + i, 2] })),
  );
  await write(
    "rankings.jsonl",
    rows.map((i) => ({
      input_ids: [
        [1, 3 + i, 7, 2],
        [1, 3 + i, 8, 9, 2],
      ],
      ranks: [1, 2],
    })),
  );
  await write(
    "prompts.jsonl",
    rows.map((i) => ({ input_ids: [1, 3 + i] })),
  );
  return { root, remove: () => rm(root, { recursive: true }) };
}

/** Runs the pipeline and disposes the backend. */
export async function runOn(backend: Backend, root: string): Promise<readonly StepMetrics[]> {
  const runDirectory = join(root, `run-${backend.name.replace(":", "-")}`);
  const registry = createRegistry([sft(), reward(), ppo()]);
  const logger = silentLogger;
  await runPipeline({ stages }, { registry, backend, runDirectory, baseDirectory: root, seed: 7, logger });
  await backend.dispose();
  const text = await readFile(join(runDirectory, "metrics.jsonl"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** On ONNX Runtime, whose batches are padded less than those of backends without free sizes. */
export const runOnOnnx = async (root: string): Promise<readonly StepMetrics[]> =>
  runOn(await createOnnxBackend({ threads: 1 }), root);

/** Of the machine, not of the training. */
const measured = /^elapsed\/|per_second|^memory\//;

/**
 * Every metric of every step; float32 on both sides, sums in another order, so differences grow along the trajectory.
 * @param tolerance - of a difference, absolute below 1 and relative above
 */
export function expectSameSteps(
  got: readonly StepMetrics[],
  wanted: readonly StepMetrics[],
  tolerance: number,
): void {
  expect(got.length).toBe(wanted.length);
  let compared = 0;
  for (const [index, record] of wanted.entries()) {
    for (const [name, value] of Object.entries(record)) {
      if (typeof value !== "number" || measured.test(name)) continue;
      const difference = Math.abs((got[index]![name] as number) - value);
      expect(difference, `${name} of record ${index}: ${JSON.stringify(record)}`).toBeLessThanOrEqual(
        tolerance * Math.max(1, Math.abs(value)),
      );
      compared += 1;
    }
  }
  // A loss at least for each step of each stage.
  expect(compared).toBeGreaterThan(3 * stageSteps);
}
