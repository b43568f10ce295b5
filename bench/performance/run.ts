/**
 * Measures where the time is and how cost grows, keeps it in docs/results/performance.json, and fills docs/performance.md
 * from it and from docs/results/bench.json.
 *
 *     npm run performance -- [--only peaks,works,curves] [--works sft/5m,...] [--curves length,...] [--rounds 5]
 *         [--python PATH] [--largest-mb 2048]
 *
 * `--only page` fills the page alone.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import type { WorkRequest } from "../alignkit/item.js";
import { comparisonsOf, modelSizes, workKinds } from "../comparisons.js";
import { describeCommit, describeMachine } from "../machine.js";
import { findPython } from "../python.js";
import { startWorker, type WorkerSettings } from "../worker-process.js";
import { curveNames, measureCurve } from "./growth.js";
import { fillPage } from "./page.js";
import { measurePeaks } from "./peaks.js";
import type { WorkProfile } from "./profile-work.js";
import { bestPeaks, readPerformance, recordPath, type Stamp, writePerformance } from "./record.js";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "peaks,works,curves" },
    works: { type: "string", default: "sft/5m,sft/124m,generate/5m,generate/124m" },
    curves: { type: "string", default: curveNames.join() },
    rounds: { type: "string", default: "5" },
    python: { type: "string" },
    "largest-mb": { type: "string", default: "2048" },
  },
});
const only = new Set(values.only.split(","));
const rounds = Number(values.rounds);
const note = (text: string): void => console.error(`  ${text}`);
const settings: WorkerSettings = {
  backend: "onnx",
  python: findPython(values.python),
  threads: undefined,
  allocator: "tuned",
};

async function makeStamp(): Promise<Stamp> {
  const versions: Record<string, string> = {};
  for (const side of ["alignkit", "torch"] as const) {
    if (side === "torch" && settings.python === null) continue;
    const worker = startWorker(side, settings);
    Object.assign(versions, (await worker.about()).versions);
    await worker.close();
  }
  return {
    machine: describeMachine(),
    commit: describeCommit(),
    date: new Date().toISOString().slice(0, 10),
    versions,
  };
}

const execute = promisify(execFile);

async function profileInChild(id: string): Promise<WorkProfile> {
  const comparison = comparisonsOf(workKinds, modelSizes).find((row) => row.id === id);
  if (comparison === undefined) throw new RangeError(`--works: ${id} is no row of the bench`);
  const [{ request: named } = { request: { work: "" } }] = comparison.contestants;
  const request = { ...named, model: comparison.model, ...comparison.sizes } as unknown as WorkRequest;
  const script = fileURLToPath(new URL("profile-work.ts", import.meta.url));
  const flags = ["--conditions=@alignkit/source", "--import", "tsx", script, JSON.stringify(request)];
  const { stdout } = await execute(process.execPath, [...flags, String(rounds)], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(stdout) as WorkProfile;
}

let record = readPerformance(recordPath);
const save = () => writePerformance(recordPath, record);
if (only.has("peaks")) {
  record = {
    ...record,
    peaks: { stamp: await makeStamp(), measured: await measurePeaks(settings, 3 * rounds, note) },
  };
  save();
}
if (only.has("works")) {
  const stamp = await makeStamp();
  for (const id of values.works.split(",")) {
    note(id);
    const profile = await profileInChild(id);
    const others = record.works.filter((work) => work.id !== id);
    record = { ...record, works: [...others, { id, stamp, profile }] };
    save();
  }
}
if (only.has("curves")) {
  if (record.peaks === undefined) throw new Error("curves need the machine's peaks: --only peaks,curves");
  const peaks = bestPeaks(record.peaks.measured);
  const stamp = await makeStamp();
  const largestBytes = Number(values["largest-mb"]) * 2 ** 20;
  for (const name of values.curves.split(",")) {
    if (!curveNames.includes(name))
      throw new RangeError(`--curves: ${name} is none of ${curveNames.join(", ")}`);
    const curve = await measureCurve(name, { peaks, rounds: Math.min(rounds, 3), largestBytes, note });
    const others = record.curves.filter((entry) => entry.curve.name !== name);
    record = { ...record, curves: [...others, { stamp, curve }] };
    save();
  }
}
await fillPage();
