/**
 * From a real pretrained model to an aligned one: `run.ts --model DIR --stories FILE --polarity DIR`. See README.md.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { createRandom } from "@alignkit/core";
import type { SeedResult } from "./evaluate.js";
import { writeReport } from "./report.js";
import { runSeed } from "./run-seed.js";
import { fullSettings, tinySettings } from "./settings.js";

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    stories: { type: "string" },
    polarity: { type: "string" },
    seeds: { type: "string", default: "3" },
    "first-seed": { type: "string", default: "1" },
    "output-dir": { type: "string", default: "runs/stories" },
    size: { type: "string", default: "full" },
    threads: { type: "string" },
    /** Fields of the PPO config as JSON, instead of those of settings.ts. */
    ppo: { type: "string", default: "{}" },
  },
});
const print = (line: string) => {
  process.stderr.write(`${line}\n`);
};
const required = (name: "model" | "stories" | "polarity"): string => {
  const value = values[name];
  if (value !== undefined) return value;
  print(`--${name} is missing; README.md says where to get it`);
  process.exit(2);
};

const inputs = { model: required("model"), stories: required("stories"), polarity: required("polarity") };
const sized = values.size === "tiny" ? tinySettings : fullSettings;
const settings = { ...sized, ppo: { ...sized.ppo, ...JSON.parse(values.ppo) } };
const outputDirectory = values["output-dir"];
const firstSeed = Number(values["first-seed"]);

const backend = await createOnnxBackend(
  values.threads === undefined ? {} : { threads: Number(values.threads) },
);
const results: SeedResult[] = [];
for (let seed = firstSeed; seed < firstSeed + Number(values.seeds); seed++) {
  const directory = join(outputDirectory, `seed-${seed}`);
  results.push(await runSeed({ inputs, settings, backend, directory, seed, print }));
}
await backend.dispose();

const report = writeReport(results, createRandom(0).split("bootstrap"));
await writeFile(join(outputDirectory, "results.md"), report);
process.stdout.write(report);
