/** `npm run bench`: time, memory and size of alignkit beside PyTorch. See README.md. */
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArguments, usage } from "./arguments.js";
import { comparisonsOf } from "./comparisons.js";
import { describeCommit, describeMachine, load } from "./machine.js";
import { type ContestantResult, runComparison } from "./measure.js";
import { findPython } from "./python.js";
import { formatAbout, formatPairings, formatResults, type PairingResult, pair, titleOf } from "./report.js";
import { selftest } from "./selftest.js";
import { type About, startWorker, type WorkerSettings } from "./worker-process.js";

const say = (text: string): void => console.log(text);
/** Progress, for who waits at a terminal. */
const note = (text: string): void => {
  if (process.stderr.isTTY) console.error(`  ${text}`);
};

async function aboutOf(side: "alignkit" | "torch", settings: WorkerSettings): Promise<About> {
  const worker = startWorker(side, settings);
  try {
    return await worker.about();
  } finally {
    await worker.close();
  }
}

const noPython =
  "no Python for the peers: give --python PATH, set ALIGNKIT_PYTHON, or make bench/.venv (bench/README.md)";

async function main(): Promise<number> {
  let given: ReturnType<typeof parseArguments>;
  try {
    given = parseArguments(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  if (given.help) {
    say(usage);
    return 0;
  }
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
  say(`rounds: ${given.rounds}, contestants in turn, each in a process of its own, after two warm-ups`);

  // 2. Measurements
  const measured: { readonly title: string; readonly results: readonly ContestantResult[] }[] = [];
  const pairs: PairingResult[] = [];
  for (const comparison of comparisonsOf(given.kinds, given.sizes, given.backends)) {
    const contestants = comparison.contestants.filter(
      ({ side, isExtra = false }) =>
        (side === "alignkit" || settings.python !== null) && (!isExtra || given.includeExtras),
    );
    const title = titleOf(comparison);
    say(`\n${title}`);
    const results = await runComparison({ ...comparison, contestants }, settings, given.rounds, note);
    say(formatResults(results));
    const found = pair(comparison, results);
    if (found.length > 0) say(`\n${formatPairings(found)}`);
    pairs.push(...found);
    measured.push({ title, results });
    if (load() > availableParallelism() + 1) {
      say(`load ${load().toFixed(1)}: others are using this machine, times are not to be relied on`);
    }
  }

  // 3. Side by side
  if (pairs.length > 0) say(`\nall together\n${formatPairings(pairs)}`);
  if (given.json !== undefined) {
    const record = { machine: describeMachine(), commit: describeCommit(), about, measured };
    writeFileSync(given.json, `${JSON.stringify(record, null, 2)}\n`);
  }
  return 0;
}

process.exitCode = await main();
