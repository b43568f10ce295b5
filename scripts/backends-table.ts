/**
 * Writes docs/backends.md from what was measured, which docs/results/backends.json keeps.
 *
 *   node --conditions=@alignkit/source --import tsx scripts/backends-table.ts [--measure NAME ...]
 *
 * `--measure` measures backends anew, those that are named side by side: conformance, then training and decoding with the
 * bench's 5M model. Without it the page is written from the file, in a second.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compositeNames } from "@alignkit/core";
import { runConformance } from "@alignkit/core/conformance";
import { openBackend } from "../bench/alignkit/backends.js";
import { comparisonsOf } from "../bench/comparisons.js";
import { describeCommit, describeMachine, load } from "../bench/machine.js";
import { runComparison } from "../bench/measure.js";
import { median } from "../bench/statistics.js";

export const backendsPage = fileURLToPath(new URL("../docs/backends.md", import.meta.url));
const recordFile = fileURLToPath(new URL("../docs/results/backends.json", import.meta.url));

/** What is said of a backend besides what is measured. */
interface Known {
  readonly name: string;
  /** How it is called in the page. */
  readonly title: string;
  readonly devices: string;
  readonly needs: string;
  /** False where a step of the 5M model takes minutes. */
  readonly timed: boolean;
}

export const knownBackends: readonly Known[] = [
  {
    name: "onnx",
    title: "`onnx`, the default; `onnx:webgpu`, `onnx:cuda`",
    devices: "CPU; WebGPU, CUDA",
    needs: "nothing more; CUDA: its files",
    timed: true,
  },
  {
    name: "tfjs",
    title: "`tfjs` (`tfjs:node`), `tfjs:node-gpu`",
    devices: "CPU; CUDA",
    needs: "`@tensorflow/tfjs-node`, `@tensorflow/tfjs-node-gpu`",
    timed: true,
  },
  {
    name: "tfjs:wasm",
    title: "`tfjs:wasm`",
    devices: "CPU",
    needs: "`@tensorflow/tfjs-core`, `@tensorflow/tfjs-backend-wasm`",
    timed: true,
  },
  {
    name: "tfjs:cpu",
    title: "`tfjs:cpu`",
    devices: "CPU",
    needs: "`@tensorflow/tfjs-core`, `@tensorflow/tfjs-backend-cpu`",
    timed: false,
  },
  {
    name: "jax",
    title: "`jax`, an [example](../examples/custom-backend/README.md)",
    devices: "CPU",
    needs: "its package, as a plugin",
    timed: true,
  },
  { name: "reference", title: "`reference`", devices: "CPU", needs: "nothing", timed: false },
];

/** What one run of a piece of work takes. */
interface Figures {
  readonly milliseconds: number;
  readonly tokensPerSecond: number;
  /** Resident, of 2^20 bytes. */
  readonly peakMegabytes: number;
}

/** One backend as it was measured. */
export interface BackendRecord {
  readonly name: string;
  readonly runtime: string;
  readonly whole: readonly string[];
  readonly passed: number;
  readonly expectedFailures: Readonly<Record<string, string>>;
  readonly training?: Figures;
  readonly decoding?: Figures;
  readonly machine: string;
  /** One-minute average; above the number of cores others were using the machine. */
  readonly load: number;
  readonly commit: string;
}

const readRecords = (): readonly BackendRecord[] => JSON.parse(readFileSync(recordFile, "utf8"));

type Examined = Pick<BackendRecord, "name" | "runtime" | "whole" | "passed" | "expectedFailures">;

/** What a backend says of itself, and what conformance says of it. @throws {Error} naming what fails unexpectedly */
async function examine(name: string): Promise<Examined> {
  const backend = await openBackend(name);
  try {
    const results = await runConformance(backend);
    const wrong = results.filter(({ status }) => status === "failed" || status === "unexpected-pass");
    if (wrong.length > 0)
      throw new Error(
        `${name}: ${wrong.map(({ name: check, message }) => `${check}: ${message}`).join("; ")}`,
      );
    const { runtime, supports, expectedFailures = {} } = backend;
    return {
      name,
      runtime: runtime === undefined ? "" : `${runtime.name} ${runtime.version}`,
      whole: [...supports].sort(),
      passed: results.filter(({ status }) => status === "passed").length,
      expectedFailures,
    };
  } finally {
    await backend.dispose();
  }
}

/** The same in a process of its own, since engines of tfjs do not share one. */
function examineApart(name: string): Examined {
  const command = [...process.execArgv, fileURLToPath(import.meta.url), "--examine", name];
  return JSON.parse(execFileSync(process.execPath, command, { encoding: "utf8" }));
}

/** Trains and decodes with all of them in turn. */
async function time(
  names: readonly string[],
): Promise<ReadonlyMap<string, Pick<BackendRecord, "training" | "decoding">>> {
  const found = new Map(names.map((name) => [name, {} as { training?: Figures; decoding?: Figures }]));
  const settings = { backend: "onnx", python: null, threads: undefined, allocator: "stock" } as const;
  const effort = { rounds: 5, milliseconds: 60_000 * names.length };
  for (const [kind, field] of [
    ["sft", "training"],
    ["generate", "decoding"],
  ] as const) {
    const [comparison] = comparisonsOf([kind], ["5m"], names);
    if (comparison === undefined) throw new Error(`the bench has no ${kind} at 5m`);
    const contestants = comparison.contestants.filter(
      ({ side, request }) => side === "alignkit" && request.work === kind && request.anew !== true,
    );
    const results = await runComparison({ ...comparison, contestants }, settings, effort, (text) =>
      console.error(text),
    );
    for (const { contestant, measurements, failure } of results) {
      if (failure !== undefined) throw new Error(`${contestant.name}: ${failure}`);
      const milliseconds = median(measurements.map(({ ms }) => ms));
      const figures: Figures = {
        milliseconds: Math.round(milliseconds),
        tokensPerSecond: Math.round((1000 * (measurements[0]?.tokens ?? 0)) / milliseconds),
        peakMegabytes: Math.round(Math.max(...measurements.map(({ peak_mb }) => peak_mb))),
      };
      Object.assign(found.get(contestant.backend as string) ?? {}, { [field]: figures });
    }
  }
  return found;
}

async function measure(names: readonly string[]): Promise<void> {
  const timed = await time(
    names.filter((name) => knownBackends.some((known) => known.name === name && known.timed)),
  );
  let records = readRecords();
  for (const name of names) {
    const record: BackendRecord = {
      ...examineApart(name),
      ...timed.get(name),
      machine: describeMachine(),
      load: Math.round(load()),
      commit: describeCommit(),
    };
    records = [...records.filter((other) => other.name !== name), record];
  }
  writeFileSync(recordFile, `${JSON.stringify(records, null, 1)}\n`);
}

const introduction = `---
title: Backends
group: Guide
---
# Backends

<!-- Written by scripts/backends-table.ts from docs/results/backends.json. -->

A backend computes what the stages trace. It is chosen by \`--backend\` or by \`backend:\` in a pipeline file, the engine or device after a colon; one that is not there is an error that says what is missing, and nothing takes its place. \`npx alignkit doctor --backend tfjs:wasm\` checks one against the reference.
`;

const notes = `
**onnx** gives whole graphs to [ONNX Runtime](../packages/backends/onnx/README.md). It needs nothing besides its package.

**tfjs** is [TensorFlow.js](../packages/backends/tfjs/README.md), for where it is wanted or ONNX Runtime cannot be installed. TensorFlow itself, through \`tfjs-node\`, gets whole graphs; \`tfjs:wasm\`, \`tfjs:cpu\` and \`tfjs:webgpu\` run op by op. A process runs one tfjs engine; a second one is refused. \`tfjs:webgpu\` passes the suite on a software driver for Vulkan, under the package \`webgpu\`, since Node has no WebGPU of its own; \`tfjs:node-gpu\` is loaded by the same code as \`tfjs:node\` and has not been tried on its device.

**reference** is plain JavaScript, slow, and the specification: every other backend is compared with it.

A backend of your own: [add a backend](how-to/add-a-backend.md).
`;

/** The whole page. */
export function writeBackendsPage(records: readonly BackendRecord[] = readRecords()): string {
  const rows = knownBackends.map((known) => ({
    known,
    record: records.find(({ name }) => name === known.name),
  }));
  const table = (head: readonly string[], lines: readonly (readonly string[])[]) =>
    [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
  const list = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(", ") || "none";
  const measured = rows.flatMap(({ record }) => (record === undefined ? [] : [record]));
  const seconds = (figures: Figures | undefined) =>
    figures === undefined ? "-" : `${(figures.milliseconds / 1000).toPrecision(2)} s`;
  const places = new Map<string, string[]>();
  for (const { name, machine, load: busy, commit } of measured) {
    const place = `${machine}; load ${busy}; ${commit}`;
    places.set(place, [...(places.get(place) ?? []), name]);
  }
  return [
    introduction,
    table(
      ["backend", "engine", "devices", "needs"],
      rows.map(({ known: { title, devices, needs }, record }) => [
        title,
        record?.runtime ?? "-",
        devices,
        needs,
      ]),
    ),
    "## What each does",
    `Every backend has the primitives. Composites that it takes whole arrive in one piece; the others are decomposed first. Checks are the cases and rules of the conformance suite, value and gradient.\n`,
    table(
      ["backend", "ops taken whole", "ops decomposed", "checks passed", "expected failures"],
      measured.map(({ name, whole, passed, expectedFailures }) => [
        `\`${name}\``,
        list(whole),
        whole.length === 0 ? "all" : list(compositeNames.filter((op) => !whole.includes(op)).sort()),
        String(passed),
        Object.entries(expectedFailures)
          .map(([check, reason]) => `\`${check}\`: ${reason}`)
          .join("; ") || "none",
      ]),
    ),
    "## What each takes",
    `GPT-2 of 5M parameters, float32: a training step of 16 x 128 tokens (forward, backward, clipping, AdamW, through the stage), and decoding of 16 prompts of 64 tokens with 64 new ones each. Memory is the peak of the process while it trains. Where there is no time it was not measured; on \`tfjs:cpu\` and \`reference\` a step takes minutes. Backends are compared within a machine; times elsewhere will differ, and where the load is above the number of cores others were using the machine.\n`,
    table(
      ["backend", "training step", "tokens/s", "decoding, tokens/s", "memory, MB"],
      measured.map(({ name, training, decoding }) => [
        `\`${name}\``,
        seconds(training),
        String(training?.tokensPerSecond ?? "-"),
        String(decoding?.tokensPerSecond ?? "-"),
        String(training?.peakMegabytes ?? "-"),
      ]),
    ),
    ...[...places].map(([place, names]) => `Measured: ${list(names)} on ${place}.\n`),
    "To measure anew: `node --conditions=@alignkit/source --import tsx scripts/backends-table.ts --measure onnx --measure tfjs:wasm`.\n",
    notes.trimStart(),
  ]
    .map((part) => (part.startsWith("## ") ? `${part}\n` : part))
    .join("\n")
    .replace(/\n{3,}/g, "\n\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { measure: { type: "string", multiple: true, default: [] }, examine: { type: "string" } },
  });
  if (values.examine !== undefined) console.log(JSON.stringify(await examine(values.examine)));
  else {
    if (values.measure.length > 0) await measure(values.measure);
    writeFileSync(backendsPage, writeBackendsPage());
  }
}
