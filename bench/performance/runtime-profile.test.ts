import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readProfile } from "./runtime-profile.js";

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
      [6, 5],
      [5, 4],
    ],
    [[6, 4]],
  ),
  node(
    "Gemm",
    ts + 2,
    2000 * scale,
    [
      [6, 4],
      [11, 4],
    ],
    [[6, 11]],
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

it("adds up the last runs by part", async () => {
  const path = join(folder, "profile.json");
  // Three calls; the first, which is slow, does not count. What begins a node is told apart from it.
  const events = [...run(0, 100), ...run(1000, 1), ...run(2000, 2)];
  await writeFile(
    path,
    JSON.stringify([{ cat: "Session", name: "session_initialization", ts: 0, dur: 9 }, ...events]),
  );
  const profile = readProfile(path, { calls: 3, last: 2, vocabulary: 11 });
  // Milliseconds, of scales 1 and 2 together.
  expect(profile).toMatchObject({
    runs: 2,
    milliseconds: 30,
    byPart: { products: 3, head: 6, attention: 9, elementwise: 1.5 },
  });
  expect(profile?.byNode[0]).toEqual({
    what: "MatMul 2x2x3x4 2x2x4x3",
    part: "attention",
    milliseconds: 9,
  });
});

it("has nothing to say of a session that did not run", async () => {
  const path = join(folder, "profile.json");
  await writeFile(path, "[]");
  expect(readProfile(path, { calls: 3, last: 2, vocabulary: 11 })).toBeNull();
});
