/** `report.html` of a run directory. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { stageCharts } from "./charts.js";
import { renderPage } from "./page.js";
import { readRun } from "./read-run.js";
import { viewResults } from "./results.js";
import { sampleTables } from "./samples.js";

/** Writes the report anew from what the directory holds. @returns its path */
export async function writeReport(runDirectory: string): Promise<string> {
  const run = await readRun(runDirectory);
  const text = renderPage({
    name: basename(runDirectory),
    run,
    stages: stageCharts(run.metrics),
    samples: new Map([...run.samples].map(([stage, rows]) => [stage, sampleTables(rows)])),
    results: run.results === undefined ? undefined : viewResults(run.results),
    library: await readChartLibrary(),
  });
  const path = join(runDirectory, "report.html");
  await writeFile(`${path}.tmp`, text);
  await rename(`${path}.tmp`, path);
  return path;
}

/** uPlot, as it is installed. */
async function readChartLibrary() {
  const require = createRequire(import.meta.url);
  const read = (name: string) => readFile(require.resolve(`uplot/dist/${name}`), "utf8");
  return { script: await read("uPlot.iife.min.js"), style: await read("uPlot.min.css") };
}
