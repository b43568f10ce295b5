/**
 * PPO against a reward that is a function, not a model: `ppo({ rewards: [...] })`.
 *
 *   node --conditions=@alignkit/source --import tsx examples/custom-reward/basic.ts
 *
 * A tiny model learns to use vowels, because their share in its response is its reward. With a reward model beside
 * them, functions are added to its score; each is logged as `reward/<name>`.
 */
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { createRegistry, runPipeline } from "@alignkit/core";
import { type NamedReward, ppo } from "@alignkit/ppo";
import { writeTinyModel } from "../tiny-model.js";

/** Share of the characters that are vowels, 0 to 1. One score for each response; a promise of them will do, too. */
const vowels: NamedReward = {
  name: "vowels",
  score: (_prompts, responses) =>
    responses.map((response) => (response.match(/[aeiou]/gi)?.length ?? 0) / Math.max(1, response.length)),
};

/** Minus one for each character over 20; the weight keeps it small beside the other. */
const short: NamedReward = {
  name: "short",
  weight: 0.01,
  score: (_prompts, responses) => responses.map((response) => -Math.max(0, response.length - 20)),
};

const folder = await mkdtemp(join(tmpdir(), "alignkit-custom-reward-"));
await writeTinyModel(join(folder, "base"), [
  "say a word: aeon, ibex, queue, rhythm, audio, oboe, strength, idea",
]);
await writeFile(join(folder, "prompts.jsonl"), '{"prompt":"say a word:"}\n'.repeat(8));

const backend = await createOnnxBackend({ threads: 1 });
const { runDirectory } = await runPipeline(
  {
    stages: [
      {
        use: "ppo",
        inputs: { init: { path: "base" } },
        config: {
          prompt_files: "prompts.jsonl",
          total_episodes: 1024,
          batch_size: 64,
          num_mini_batches: 2,
          per_device_train_batch_size: 32,
          response_length: 6,
          learning_rate: 4e-3,
          value_learning_rate: 4e-3,
          warmup_steps: 0,
          ema_decay: null,
        },
      },
    ],
  },
  {
    registry: createRegistry([ppo({ rewards: [vowels, short] })]),
    backend,
    runDirectory: join(folder, "run"),
    baseDirectory: folder,
    seed: 1,
  },
);
await backend.dispose();

const metrics = await readFile(join(runDirectory, "metrics.jsonl"), "utf8");
for (const line of metrics.trimEnd().split("\n")) {
  const row = JSON.parse(line);
  console.log(
    `iteration ${row.step}: reward/vowels ${row["reward/vowels"].toFixed(3)}, KL ${row["objective/kl"].toFixed(2)}`,
  );
}
