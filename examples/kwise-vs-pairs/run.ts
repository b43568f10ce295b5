/**
 * K-wise batches against shuffled pairs: `run.ts --demo DIR --demo DIR ... --trees FILE --model DIR`.
 *
 * See docs/results/kwise-vs-pairs.md. A run that was stopped goes on where it was.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { createRandom } from "@alignkit/core";
import { arms, type Run, trainArm } from "./compare.js";
import { demoTask, longerIsBetter, type Task, treeTask } from "./rankings.js";
import { writeReport } from "./report.js";
import { fullSettings, tinySettings } from "./settings.js";

const { values } = parseArgs({
  options: {
    /** Run directories of `alignkit demo`, one for each seed. */
    demo: { type: "string", multiple: true, default: [] },
    /** A .jsonl of Open Assistant's ranked conversation trees, and the model that reads them. */
    trees: { type: "string" },
    model: { type: "string" },
    "tree-seeds": { type: "string", default: "4" },
    "output-dir": { type: "string", default: "runs/kwise-vs-pairs" },
    size: { type: "string", default: "full" },
    threads: { type: "string" },
  },
});
const settings = values.size === "tiny" ? tinySettings : fullSettings;
const outputDirectory = values["output-dir"];
const print = (line: string) => process.stderr.write(`${line}\n`);

const tasks: Task[] = [];
for (const [seed, directory] of values.demo.entries()) {
  tasks.push(await demoTask(directory, seed, settings, createRandom(seed).split("demo")));
}
if (values.trees !== undefined && values.model !== undefined) {
  const files = { trees: values.trees, model: values.model };
  for (let seed = 0; seed < Number(values["tree-seeds"]); seed++) {
    tasks.push(await treeTask(files, seed, settings, createRandom(seed).split("trees")));
  }
}
if (tasks.length === 0) {
  print("give --demo DIR, as often as there are seeds, or --trees FILE with --model DIR");
  process.exit(2);
}

const backend = await createOnnxBackend(
  values.threads === undefined ? {} : { threads: Number(values.threads) },
);
await mkdir(outputDirectory, { recursive: true });
const runs: Run[] = [];
for (const task of tasks) {
  const place = `${task.source} ${task.seed}`;
  print(
    `${place}: longer is better in ${(100 * longerIsBetter(task.heldOut)).toFixed(1)} % of held-out pairs`,
  );
  for (const arm of arms) {
    for (const learningRate of settings.learningRates) {
      const directory = join(outputDirectory, `${place}-${arm}-${learningRate}`.replaceAll(" ", "-"));
      const run = await trainArm(task, { arm, learningRate }, settings, { backend, directory });
      runs.push(run);
      const { epoch, trainLoss, heldOutLoss, heldOutAccuracy } = run.points.at(-1) as Run["points"][number];
      print(
        `${place}, ${arm}, rate ${learningRate}, epoch ${epoch}: loss ${trainLoss.toFixed(3)}, held out ${heldOutLoss.toFixed(3)}, accuracy ${heldOutAccuracy.toFixed(3)}`,
      );
      await writeFile(join(outputDirectory, "results.json"), `${JSON.stringify(runs, null, 1)}\n`);
    }
  }
}
await backend.dispose();
const report = writeReport(runs);
await writeFile(join(outputDirectory, "results.md"), report);
process.stdout.write(report);
