/**
 * How long it takes from a model directory on disk to the log-probabilities of a first batch, and how much memory, next
 * to transformers: each in a process of its own, in turn. Times are taken after imports, and once of the whole process
 * with its imports (ours compiles its sources as it starts, since this runs without a build).
 *
 *     node --conditions=@alignkit/source --import tsx bench/loading.ts [--python PATH] [--rounds 5] [--model gpt2-124m]
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { createRandom } from "@alignkit/core";
import { initializeParameters, writeModelDirectory } from "@alignkit/models";
import { type ModelName, modelConfig } from "./alignkit/models.js";
import { describeCommit, describeMachine } from "./machine.js";
import { findPython } from "./python.js";
import { median } from "./statistics.js";

/** What a process says, and how long it took, from its start to its end. */
interface Measurement {
  readonly wholeProcess: number;
  /** Of the directory's weights, in seconds. */
  readonly load: number;
  readonly firstBatch: number;
  /** Processor time of both, in seconds: tells more than the clock where others hold the processors. */
  readonly processor: number;
  /** Most that was resident while loading, beyond what was before, MB. */
  readonly loadMegabytes: number;
  /** The same up to the end of the first batch. */
  readonly totalMegabytes: number;
  /** Mean negative log-likelihood: both must say the same. */
  readonly loss: number;
}

const { values } = parseArgs({
  options: {
    python: { type: "string" },
    rounds: { type: "string", default: "5" },
    model: { type: "string", default: "gpt2-124m" },
  },
});
const execute = promisify(execFile);
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const directory = await mkdtemp(join(tmpdir(), "alignkit-loading-"));
try {
  const config = modelConfig(values.model as ModelName);
  const parameters = initializeParameters(config, "language_model", createRandom(0));
  const model = { config, head: "language_model", parameters, generationConfig: null } as const;
  await writeModelDirectory(directory, model, { overwrite: true });
  const weights = (await stat(join(directory, "model.safetensors"))).size / 2 ** 20;

  const python = findPython(values.python);
  const contestants: Record<string, readonly [string, readonly string[]]> = {
    ours: [
      process.execPath,
      ["--conditions=@alignkit/source", "--import", "tsx", here("alignkit/loading.ts")],
    ],
    ...(python === null ? {} : { transformers: [python, [here("peers/loading.py")]] }),
  };
  const measured = new Map<string, Measurement[]>();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, [program, given]] of Object.entries(contestants)) {
      const started = performance.now();
      const { stdout } = await execute(program, [...given, directory]);
      const wholeProcess = (performance.now() - started) / 1000;
      const told = JSON.parse(stdout.trim().split("\n").at(-1) as string);
      measured.set(name, [...(measured.get(name) ?? []), { ...told, wholeProcess }]);
    }
  }

  console.log(`${describeMachine()}; ${describeCommit()}`);
  console.log(
    `${values.model}, ${weights.toFixed(0)} MB of weights, first batch 4 x 128; median of ${values.rounds}\n`,
  );
  console.log(
    "| | load, s | first batch, s | together, s | processor, s | whole process, s | peak while loading / weights | peak / weights | loss |",
  );
  console.log("|---|---|---|---|---|---|---|---|---|");
  for (const [name, rows] of measured) {
    const of = (key: keyof Measurement) => median(rows.map((row) => row[key]));
    const together = median(rows.map(({ load, firstBatch }) => load + firstBatch));
    const times = [of("load"), of("firstBatch"), together, of("processor"), of("wholeProcess")].map(
      (seconds) => seconds.toFixed(2),
    );
    const memory = [of("loadMegabytes"), of("totalMegabytes")].map((size) => (size / weights).toFixed(2));
    console.log(`| ${[name, ...times, ...memory, of("loss").toFixed(5)].join(" | ")} |`);
  }
  if (python === null) console.log("\nno Python with transformers was found: see bench/README.md");
} finally {
  await rm(directory, { recursive: true });
}
