/**
 * The three steps of InstructGPT in code: demonstrations, rankings, PPO; on a model so small that it takes seconds.
 *
 *   node --conditions=@alignkit/source --import tsx examples/quickstart/basic.ts
 *
 * The demonstrations greet an animal politely half of the time; the rankings prefer polite greetings. What comes out
 * greets politely.
 */
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { createRegistry, runPipeline } from "@alignkit/core";
import { ppo } from "@alignkit/ppo";
import { reward } from "@alignkit/reward";
import { sft } from "@alignkit/sft";
import { writeTinyModel } from "../tiny-model.js";

const animals = ["fox", "owl", "hen", "cat", "dog", "bee", "ant", "cow"];
const prompt = (animal: string) => `greet the ${animal}.\nanswer:`;
const polite = (animal: string) => ` hello ${animal}, how are you?`;
const rude = (animal: string) => ` go away, ${animal}.`;

// 1. A model and data; with your own, this step is not needed.
const folder = await mkdtemp(join(tmpdir(), "alignkit-quickstart-"));
const writeRows = (name: string, rows: readonly unknown[]) =>
  writeFile(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
const texts = animals.map((animal) => prompt(animal) + polite(animal) + rude(animal));
await writeTinyModel(join(folder, "base"), texts);
const demonstrations = animals.flatMap((animal) =>
  [polite, rude].map((answer) => ({ prompt: prompt(animal), completion: answer(animal) })),
);
await writeRows("demonstrations.jsonl", demonstrations);
await writeRows(
  "rankings.jsonl",
  animals.map((animal) => ({
    prompt: prompt(animal),
    responses: [polite(animal), rude(animal), ` ${animal} ${animal}.`],
    ranks: [1, 2, 3],
  })),
);
await writeRows(
  "prompts.jsonl",
  animals.map((animal) => ({ prompt: prompt(animal) })),
);

// 2. The pipeline: each stage takes the nearest earlier output of the kind that it needs.
const optimization = { per_device_train_batch_size: 16, learning_rate: 5e-3 };
const pipeline = {
  stages: [
    {
      use: "sft",
      inputs: { init: { path: "base" } },
      config: { ...optimization, train_files: "demonstrations.jsonl", max_steps: 100, residual_dropout: 0 },
    },
    {
      use: "reward",
      config: {
        ...optimization,
        train_files: "rankings.jsonl",
        demonstration_files: "demonstrations.jsonl",
        max_steps: 15,
        learning_rate: 2e-3,
      },
    },
    {
      use: "ppo",
      inputs: { init: "sft.policy", rewardModel: "reward.rewardModel" },
      config: {
        prompt_files: "prompts.jsonl",
        total_episodes: 640,
        batch_size: 64,
        num_mini_batches: 2,
        per_device_train_batch_size: 32,
        response_length: 16,
        kl_coef: 0.05,
        learning_rate: 1e-3,
        value_learning_rate: 2e-3,
        warmup_steps: 0,
        ema_decay: null,
      },
    },
  ],
};

// 3. Run it. Everything that happens is in the run directory.
const backend = await createOnnxBackend({ threads: 1 });
const { artifacts, runDirectory } = await runPipeline(pipeline, {
  registry: createRegistry([sft(), reward(), ppo()]),
  backend,
  runDirectory: join(folder, "run"),
  baseDirectory: folder,
  seed: 1,
});
await backend.dispose();

// 4. Answers of the first and of the last iteration of PPO.
const samples = await readFile(join(runDirectory, "stages/ppo/samples.jsonl"), "utf8");
for (const line of samples.trimEnd().split("\n")) {
  const { step, prompt: asked, response, score } = JSON.parse(line);
  console.log(`iteration ${step}: ${asked.replace("\n", " ")}${response}  (reward ${score.toFixed(2)})`);
}
console.log(`the policy is in ${artifacts["ppo.policy"]}`);
