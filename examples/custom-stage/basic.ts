/**
 * A pipeline with a stage of one's own: demonstrations, responses ranked by a rule, a reward model from them.
 *
 *   node --conditions=@alignkit/source --import tsx examples/custom-stage/basic.ts
 *
 * The stage is in rank-by-rule.ts; ../README.md says how the command line loads it.
 */
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { createLogger, createRegistry, runPipeline } from "@alignkit/core";
import { reward } from "@alignkit/reward";
import { sft } from "@alignkit/sft";
import { writeTinyModel } from "../tiny-model.js";
import { plugin } from "./rank-by-rule.js";

const folder = await mkdtemp(join(tmpdir(), "alignkit-custom-stage-"));
const rows = ["fox", "owl", "hen", "cat"].flatMap((animal) =>
  [` hello ${animal}.`, ` go away, ${animal}.`].map((completion) => ({
    prompt: `greet the ${animal}.\nanswer:`,
    completion,
  })),
);
const texts = rows.map(({ prompt, completion }) => prompt + completion);
await writeTinyModel(join(folder, "base"), texts);
const demonstrations = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
await writeFile(join(folder, "demonstrations.jsonl"), demonstrations);

const optimization = { per_device_train_batch_size: 8, learning_rate: 5e-3 };
const backend = await createOnnxBackend({ threads: 1 });
const { runDirectory, artifacts } = await runPipeline(
  {
    stages: [
      {
        use: "sft",
        inputs: { init: { path: "base" } },
        config: { ...optimization, train_files: "demonstrations.jsonl", max_steps: 60, residual_dropout: 0 },
      },
      // Its input `policy` is the nearest earlier policy, that of sft.
      { use: "rank-by-rule", config: { prompt_files: ["demonstrations.jsonl"], responses: 4 } },
      // Its optional input `rankings` is the nearest earlier output of that kind and name.
      {
        use: "reward",
        config: { ...optimization, demonstration_files: "demonstrations.jsonl", num_train_epochs: 6 },
      },
    ],
  },
  {
    registry: createRegistry([sft(), reward(), plugin]),
    backend,
    runDirectory: join(folder, "run"),
    baseDirectory: folder,
    seed: 1,
    logger: createLogger((_, message) => console.log(message)),
  },
);
await backend.dispose();

const rankings = await readFile(join(artifacts["rank-by-rule.rankings"] as string, "train.jsonl"), "utf8");
console.log(rankings.split("\n")[0]);
const metrics = await readFile(join(runDirectory, "metrics.jsonl"), "utf8");
const last = JSON.parse(metrics.trimEnd().split("\n").at(-1) as string);
console.log(`accuracy of the reward model on its last batch: ${last.accuracy}`);
