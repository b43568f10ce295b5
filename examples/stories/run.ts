/**
 * From a real pretrained model to an aligned one: `run.ts --model DIR --stories FILE --polarity DIR`. See README.md.
 */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { createRandom } from "@alignkit/core";
import { prepareData } from "./data.js";
import type { SeedResult } from "./evaluate.js";
import { evaluate } from "./evaluate.js";
import { writeReport } from "./report.js";
import { fullSettings, tinySettings } from "./settings.js";
import { train } from "./train.js";

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
const settings = values.size === "tiny" ? tinySettings : fullSettings;
const outputDirectory = values["output-dir"];
const firstSeed = Number(values["first-seed"]);
const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => firstSeed + index);

const backend = await createOnnxBackend(
  values.threads === undefined ? {} : { threads: Number(values.threads) },
);
const results: SeedResult[] = [];
for (const seed of seeds) {
  const directory = join(outputDirectory, `seed-${seed}`);
  const resultFile = join(directory, "result.json");
  if (existsSync(resultFile)) {
    print(`seed ${seed}: ${resultFile} is there; not run again`);
    results.push(JSON.parse(await readFile(resultFile, "utf8")) as SeedResult);
    continue;
  }
  const random = createRandom(seed);
  const data = await prepareData(
    inputs,
    join(directory, "data"),
    random.split("data"),
    settings.rankingEpochs,
  );
  const { artifacts } = await train({
    inputs,
    data,
    settings,
    backend,
    runDirectory: join(directory, "run"),
    seed,
    print,
  });
  const result = await evaluate({
    backend,
    seed,
    data,
    settings: settings.evaluation,
    models: {
      base: inputs.model,
      sft: artifacts["sft.policy"] as string,
      ppo: artifacts["ppo.policy"] as string,
      ppo_ptx: artifacts["ppo_ptx.policy"] as string,
    },
    rewardModel: artifacts["reward.rewardModel"] as string,
    random: random.split("evaluation"),
  });
  await writeFile(resultFile, `${JSON.stringify(result, null, 1)}\n`);
  results.push(result);
}
await backend.dispose();

const report = writeReport(results, createRandom(0).split("bootstrap"));
await writeFile(join(outputDirectory, "results.md"), report);
process.stdout.write(report);
