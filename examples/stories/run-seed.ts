/** All of one seed: data, training, measurement. */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Backend, createRandom } from "@alignkit/core";
import { type Inputs, prepareData } from "./data.js";
import { evaluate, type SeedResult } from "./evaluate.js";
import type { Settings } from "./settings.js";
import { train } from "./train.js";

export interface RunSeedOptions {
  readonly inputs: Inputs;
  readonly settings: Settings;
  readonly backend: Backend;
  /** Of this seed; what is done there is not done again. */
  readonly directory: string;
  readonly seed: number;
  readonly print: (line: string) => void;
}

export async function runSeed(options: RunSeedOptions): Promise<SeedResult> {
  const { inputs, settings, backend, directory, seed, print } = options;
  const resultFile = join(directory, "result.json");
  if (existsSync(resultFile)) {
    print(`seed ${seed}: ${resultFile} is there; not run again`);
    return JSON.parse(await readFile(resultFile, "utf8")) as SeedResult;
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
  return result;
}
