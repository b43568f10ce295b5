/**
 * Our side of the bench, in a process of its own: one JSON object a line in, one a line out.
 *
 * The first request with given parameters makes the item and runs it for `warmup` seconds, untimed; every request then
 * runs it for `turn` seconds, once at least, and tells the mean of a run. `{"work": "about"}` tells what this side is; a failure answers `{"work", "error"}`.
 */
import { loadavg } from "node:os";
import { createInterface } from "node:readline";
import type { Backend } from "@alignkit/core";
import { openBackend, packagesOf } from "./backends.js";
import { installedMegabytes } from "./installed-size.js";
import type { WorkItem, WorkRequest, WorkResult } from "./item.js";
import { makers } from "./makers.js";
import { peakMegabytes, resetPeak, residentMegabytes } from "./resident-memory.js";

const items = new Map<string, WorkItem>();

async function prepare(backend: Backend, line: string, request: WorkRequest): Promise<WorkItem> {
  const known = items.get(line);
  if (known !== undefined) return known;
  const make = makers[request.work];
  if (make === undefined) {
    throw new Error(`unknown work ${request.work}; known: ${Object.keys(makers).join(", ")}`);
  }
  const item = await make(backend, request);
  const warm = performance.now() + 1000 * (request.warmup ?? 2);
  while (performance.now() < warm) await item.run();
  // Exposed by --expose-gc: what warm-up left must not count. Not before each run: that drops compiled code, which V8
  // would make anew on the processors of the run.
  globalThis.gc?.();
  items.set(line, item);
  return item;
}

async function measure(backend: Backend, line: string, request: WorkRequest): Promise<object> {
  const item = await prepare(backend, line, request);
  resetPeak();
  const base = residentMegabytes();
  const processor = process.cpuUsage();
  const begin = performance.now();
  const results: WorkResult[] = [];
  do results.push(await item.run());
  while (performance.now() - begin < 1000 * (request.turn ?? 0));
  const ms = performance.now() - begin;
  const { user, system } = process.cpuUsage(processor);
  const runs = results.length;
  // Processes that are started know better when their work was done.
  const own = results.flatMap((result) => (typeof result.ms === "number" ? [result.ms] : []));
  return {
    work: request.work,
    ...results.at(-1),
    ms: own.length > 0 ? own.reduce((total, one) => total + one, 0) / own.length : ms / runs,
    cpu_ms: (user + system) / 1000 / runs,
    peak_mb: peakMegabytes(),
    base_mb: base,
    load: loadavg()[0],
  };
}

function about(): object {
  const { name, version, device, threads } = backend.runtime ?? {
    name: backend.name,
    version: "",
    device: "",
  };
  return {
    work: "about",
    versions: { node: process.versions.node, [name]: `${version} on ${device}` },
    threads: threads ?? "not told",
    // As users have it; what backends keep and reuse is their own affair.
    allocator: "stock",
    installed_mb: installedMegabytes(
      ["@alignkit/sft", "@alignkit/reward", "@alignkit/ppo", ...packagesOf(wanted)],
      import.meta.url,
    ),
  };
}

/** The backend, as after `--backend` of the command line, is the only argument. */
const wanted = process.argv[2] ?? "onnx";
const backend = await openBackend(wanted);
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === "") continue;
  const request = JSON.parse(line) as WorkRequest;
  let answer: object;
  try {
    answer = request.work === "about" ? about() : await measure(backend, line, request);
  } catch (error) {
    answer = { work: request.work, error: error instanceof Error ? error.message : String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
for (const item of items.values()) await item.dispose();
await backend.dispose();
