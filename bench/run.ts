/** `npm run bench`: time, memory and size of alignkit beside PyTorch. See README.md. */
import { availableParallelism } from "node:os";
import { parseArguments, usage } from "./arguments.js";
import { readCommandLine } from "./command-line.js";
import { describeCommit, describeMachine, load } from "./machine.js";
import { runComparison } from "./measure.js";
import { findPython } from "./python.js";
import { comparedRows, readRecord, withEarlierRounds, withRow, writeRecord } from "./record.js";
import { formatAbout, formatPairings, formatResults, pair, titleOf } from "./report.js";
import { selftest } from "./selftest.js";
import { type About, startWorker, type WorkerSettings } from "./worker-process.js";

const say = (text: string): void => console.log(text);
/** Progress, for who waits. */
const note = (text: string): void => console.error(`  ${text}`);

async function aboutOf(side: "alignkit" | "torch", settings: WorkerSettings): Promise<About> {
  const worker = await startWorker(side, settings);
  try {
    return await worker.about();
  } finally {
    await worker.close();
  }
}

const noPython =
  "no Python for the peers: give --python PATH, set ALIGNKIT_PYTHON, or make bench/.venv (bench/README.md)";

async function main(): Promise<number> {
  const given = readCommandLine(parseArguments, usage);
  const python = findPython(given.python);
  const [backend = "onnx"] = given.backends;
  let settings: WorkerSettings = { backend, python, threads: given.threads, allocator: given.allocator };
  if (given.selftest) {
    if (python === null) {
      say(`selftest skipped: ${noPython}`);
      return 0;
    }
    return (await selftest({ ...settings, python }, say)) ? 0 : 1;
  }

  // 1. What is measured, and where
  const about: Record<string, About> = {};
  say(`machine: ${describeMachine()}; load ${load().toFixed(2)}`);
  for (const name of given.backends) {
    const label = name === "onnx" ? "alignkit" : `alignkit on ${name}`;
    about[label] = await aboutOf("alignkit", { ...settings, backend: name });
    say(`${formatAbout(label, about[label])}; ${describeCommit()}`);
  }
  if (python === null) {
    say(`alignkit alone: ${noPython}`);
  } else {
    try {
      about.torch = await aboutOf("torch", settings);
      say(formatAbout("torch", about.torch));
    } catch (error) {
      settings = { ...settings, python: null };
      say(`alignkit alone: ${python} does not run the peers (${(error as Error).message})`);
    }
  }
  say(`rounds: ${given.rounds}, contestants in turn, each in a process of its own, after a warm-up`);

  // 2. Measurements
  let record = readRecord(given.json);
  const { comparisons, minutes = Number.POSITIVE_INFINITY } = given;
  const deadline = performance.now() + 60_000 * minutes;
  for (const [index, comparison] of comparisons.entries()) {
    const contestants = comparison.contestants.filter(
      ({ side, extraAt = [] }) =>
        (side === "alignkit" || settings.python !== null) &&
        (!extraAt.includes(comparison.size) || given.includeExtras),
    );
    say(`\n${titleOf(comparison)}`);
    const share = (deadline - performance.now()) / (comparisons.length - index);
    const effort = { rounds: given.rounds, milliseconds: share };
    const results = await runComparison({ ...comparison, contestants }, settings, effort, note);
    say(formatResults(results));
    const found = pair(comparison, results);
    if (found.length > 0) say(`\n${formatPairings(found)}`);
    const where = { machine: describeMachine(), commit: describeCommit(), about, backends: given.backends };
    const row = { id: comparison.id, ...where, date: new Date().toISOString(), results };
    record = withRow(record, given.add ? withEarlierRounds(record, row) : row);
    if (given.json !== undefined) writeRecord(given.json, record);
    if (load() > availableParallelism() + 1) {
      say(`load ${load().toFixed(1)}: others are using this machine, times are not to be relied on`);
    }
  }

  // 3. Side by side, with the rows that were measured before
  const pairs = comparedRows(record).flatMap(({ comparison, row }) => pair(comparison, row.results));
  if (pairs.length > 0) say(`\nall together\n${formatPairings(pairs)}`);
  return 0;
}

process.exitCode = await main();
