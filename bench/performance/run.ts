/** `npm run performance`: where the time is and how cost grows; see arguments.ts. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { WorkRequest } from "../alignkit/item.js";
import { readCommandLine } from "../command-line.js";
import { describeCommit, describeMachine } from "../machine.js";
import { findPython } from "../python.js";
import { readRecord } from "../record.js";
import { startWorker, type WorkerSettings } from "../worker-process.js";
import { parseArguments, rows, usage } from "./arguments.js";
import { measureCurve } from "./growth.js";
import { fillPage } from "./page.js";
import { measurePeaks } from "./peaks.js";
import type { WorkProfile } from "./profile-work.js";
import { missedRows, requestOf } from "./reach.js";
import {
  benchRecordPath,
  bestPeaks,
  readPerformance,
  recordPath,
  type Stamp,
  writePerformance,
} from "./record.js";

const { only, works, curves, rounds, seconds, largestBytes, python } = readCommandLine(parseArguments, usage);
const note = (text: string): void => console.error(`  ${text}`);
const settings: WorkerSettings = {
  backend: "onnx",
  python: findPython(python),
  threads: undefined,
  allocator: "tuned",
};

async function makeStamp(): Promise<Stamp> {
  const versions: Record<string, string> = {};
  for (const side of ["alignkit", "torch"] as const) {
    if (side === "torch" && settings.python === null) continue;
    const worker = await startWorker(side, settings);
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

/** Each of ours that a row of the bench has. */
async function profileRow(id: string): Promise<readonly { ours: string; profile: WorkProfile }[]> {
  const comparison = rows.find((row) => row.id === id);
  if (comparison === undefined) throw new RangeError(`${id} is no row of the bench with a model`);
  const profiles: { ours: string; profile: WorkProfile }[] = [];
  for (const { name, side } of comparison.contestants) {
    if (side !== "alignkit") continue;
    const request = requestOf(comparison, name);
    const started = performance.now();
    profiles.push({ ours: name, profile: await profileInChild(request) });
    note(`${id} ${name}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
  }
  return profiles;
}

async function profileInChild(request: WorkRequest): Promise<WorkProfile> {
  const script = fileURLToPath(new URL("profile-work.ts", import.meta.url));
  const flags = ["--conditions=@alignkit/source", "--import", "tsx", script, JSON.stringify(request)];
  const effort = [String(rounds), String(1000 * seconds)];
  const { stdout } = await execute(process.execPath, [...flags, ...effort], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(stdout) as WorkProfile;
}

let record = readPerformance(recordPath);
const save = () => writePerformance(recordPath, record);
if (only.includes("peaks")) {
  record = {
    ...record,
    peaks: { stamp: await makeStamp(), measured: await measurePeaks(settings, 3 * rounds, note) },
  };
  save();
}
if (only.includes("works")) {
  const stamp = await makeStamp();
  const ids = works === "missed" ? missedRows(readRecord(benchRecordPath)) : works;
  for (const id of ids) {
    const others = record.works.filter((work) => work.id !== id);
    const profiled = (await profileRow(id)).map(({ ours, profile }) => ({ id, ours, stamp, profile }));
    record = { ...record, works: [...others, ...profiled] };
    save();
  }
}
if (only.includes("curves")) {
  if (record.peaks === undefined) throw new Error("curves need the machine's peaks: --only peaks,curves");
  const peaks = bestPeaks(record.peaks.measured);
  const stamp = await makeStamp();
  for (const name of curves) {
    const curve = await measureCurve(name, { peaks, rounds: Math.min(rounds, 3), largestBytes, note });
    const others = record.curves.filter((entry) => entry.curve.name !== name);
    record = { ...record, curves: [...others, { stamp, curve }] };
    save();
  }
}
await fillPage();
