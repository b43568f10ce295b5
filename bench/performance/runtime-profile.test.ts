import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readProfile, sumProfiles } from "./runtime-profile.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "alignkit-profile-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A run of a session from `ts` on, with a product, one with the head, one of attention, and a sum. */
const run = (ts: number, scale: number) => [
  { cat: "Session", name: "model_run", ts, dur: 10_000 * scale },
  node(
    "MatMul",
    ts + 1,
    1000 * scale,
    [
      [17, 5],
      [5, 18],
    ],
    [[17, 18]],
  ),
  node(
    "Gemm",
    ts + 2,
    2000 * scale,
    [
      [17, 18],
      [29, 18],
    ],
    [[17, 29]],
  ),
  node(
    "MatMul",
    ts + 3,
    3000 * scale,
    [
      [2, 2, 3, 4],
      [2, 2, 4, 3],
    ],
    [[2, 2, 3, 3]],
  ),
  node(
    "Add",
    ts + 4,
    500 * scale,
    [
      [6, 4],
      [6, 4],
    ],
    [[6, 4]],
  ),
];
const node = (op: string, ts: number, dur: number, inputs: number[][], outputs: number[][]) => ({
  cat: "Node",
  name: `${op}_7_kernel_time`,
  ts,
  dur,
  args: {
    op_name: op,
    input_type_shape: inputs.map((shape) => ({ float: shape })),
    output_type_shape: outputs.map((shape) => ({ float: shape })),
  },
});

it("adds up what came after the warm-up, by part", async () => {
  // As ONNX Runtime names it, in local time; its events count from there, in microseconds.
  const path = join(folder, "profile_2026-11-21_22-41-30_953.json");
  const since = new Date(2026, 10, 21, 22, 41, 30, 953).getTime();
  // What begins a node is told apart from it. The slow run at 0 ms does not count, nor the session made then.
  const made = (ts: number) => ({ cat: "Session", name: "session_initialization", ts, dur: 9000 });
  const events = [made(0), ...run(0, 100), ...run(2000, 1), ...run(3000, 2), made(4000)];
  await writeFile(path, JSON.stringify(events));
  const profile = readProfile(path, { since: since + 1, vocabulary: 29, positions: 7 });
  // Milliseconds, of scales 1 and 2 together, and of the session that was made later.
  expect(profile.byPart).toEqual({ products: 3, head: 6, attention: 9, elementwise: 1.5, sessions: 9 });
  const longest = { what: "MatMul 2x2x3x4 2x2x4x3", part: "attention" };
  expect(profile.byNode[0]).toEqual({ ...longest, milliseconds: 9, calls: 2, shortest: 3 });

  const both = sumProfiles([profile, readProfile(path, { since, vocabulary: 29, positions: 7 })]);
  // With the slow run: 9 + 300 + 9 in 2 + 3 calls; two sessions more.
  expect(both.byNode[0]).toEqual({ ...longest, milliseconds: 318, calls: 5, shortest: 3 });
  expect(both.byPart.sessions).toBe(27);
});

it("tells sums of columns, which are products with a row of ones, from products with weights", async () => {
  const path = join(folder, "profile_2026-11-21_22-41-30_953.json");
  const product = (rows: number) => {
    const shapes = [
      [rows, 6],
      [6, 18],
    ];
    return node("MatMul", rows, 1000 * rows, shapes, [[rows, 18]]);
  };
  await writeFile(path, JSON.stringify([product(1), product(17)]));
  const { byPart } = readProfile(path, { since: 0, vocabulary: 29, positions: 7 });
  expect(byPart).toEqual({ elementwise: 1, products: 17 });
});

it("needs to know when a profile began", async () => {
  const path = join(folder, "profile.json");
  await writeFile(path, "[]");
  expect(() => readProfile(path, { since: 0, vocabulary: 29, positions: 7 })).toThrow("does not tell when");
});

it("tells rows of an embedding from those that are taken around attention, where padding is left out", async () => {
  const path = join(folder, "profile_2026-11-21_22-41-30_953.json");
  const take = (ts: number, dur: number, rows: number) => node("Gather", ts, dur, [[rows, 4], [6]], [[6, 4]]);
  // Of 29 tokens, of 7 positions, of 5 real tokens; microseconds.
  await writeFile(path, JSON.stringify([take(1, 1000, 29), take(2, 500, 7), take(3, 4000, 5)]));
  const { byPart } = readProfile(path, { since: 0, vocabulary: 29, positions: 7 });
  expect(byPart).toEqual({ embedding: 1.5, attention: 4 });
});
