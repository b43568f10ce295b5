import { createHash } from "node:crypto";
import {
  type AdamWSettings,
  accumulatedGradients,
  type Backend,
  compileFunction,
  createOptimizer,
  type DeviceTensor,
  float32,
  int32,
  mul,
  type OptimizerSnapshot,
  sum,
  type Tensor,
  takeRows,
} from "@alignkit/core";
import { afterAll, describe, expect, it } from "vitest";
import { createOnnxBackend } from "./backend.js";
import type { Value } from "./tensor-memory.js";
import { findTouched, nothingTouched, touchedRanges, unionOf, withRows } from "./touched.js";

describe("pieces that are touched", () => {
  it("are those with a float that is not +0, the last one shorter", () => {
    const values = new Float32Array(256 * 4 + 3);
    values[256] = -0;
    values[256 * 4 - 1] = 1e-45;
    values[256 * 4 + 2] = Number.NaN;
    expect([...findTouched(values)]).toEqual([0, 1, 0, 1, 1]);
    expect([...findTouched(values.subarray(512))]).toEqual([0, 1, 1]);
    expect([...nothingTouched(values.length)]).toEqual([0, 0, 0, 0, 0]);
  });

  it("hold the rows", () => {
    // Rows of 200 floats: 2 is 400 to 600, which are pieces 1 and 2; 5 is 1000 to 1200, pieces 3 and 4.
    expect([...withRows(nothingTouched(2000), [5, 2, 5], 200)]).toEqual([0, 1, 1, 1, 1, 0, 0, 0]);
    expect([...unionOf(Uint8Array.of(1, 0, 0), Uint8Array.of(0, 0, 1))]).toEqual([1, 0, 1]);
  });

  it("are ranges of floats, joined and cut off", () => {
    const touched = Uint8Array.of(1, 1, 0, 0, 1, 0, 1, 1);
    expect(touchedRanges(touched, 1700)).toEqual([
      { start: 0, end: 512 },
      { start: 1024, end: 1280 },
      { start: 1536, end: 1700 },
    ]);
    expect(touchedRanges(touched, 1536)).toHaveLength(2);
    expect(touchedRanges(undefined, 1700)).toEqual([{ start: 0, end: 1700 }]);
    expect(touchedRanges(nothingTouched(9), 9)).toEqual([]);
  });
});

const vocabulary = 1031;
const width = 136; // enough for all threads, and no whole pieces
const settings: AdamWSettings = {
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0.1,
  decays: () => false,
  epsilonForm: "pytorch",
  maxGradNorm: 1,
};
type Named = Readonly<Record<string, DeviceTensor>>;

/** Ids of three steps, each of two micro-batches; ids come twice, or in some steps only. */
const steps = [
  [
    [5, 900, 5],
    [7, 0, 1030],
  ],
  [
    [7, 7, 7],
    [300, 301, 900],
  ],
  [
    [1, 2, 3],
    [1, 2, 5],
  ],
];

const table = () => {
  const values = Float32Array.from({ length: vocabulary * width }, (_, i) => Math.sin(i));
  values.set([-0, Number.POSITIVE_INFINITY, Number.NaN], 500 * width);
  return float32(values, [vocabulary, width]);
};

describe.each([1, 2])("an embedding on %i threads", (threads) => {
  const backends: Backend[] = [];
  const start = async (): Promise<Backend> => {
    const backend = await createOnnxBackend({ threads });
    backends.push(backend);
    return backend;
  };
  afterAll(() => Promise.all(backends.map((backend) => backend.dispose())));

  /** Weights, moments and norms after all steps. @param change - what becomes of gradients before they are applied */
  const train = async (
    backend: Backend,
    from: OptimizerSnapshot | Readonly<Record<string, ReturnType<typeof table>>>,
    change: Partial<AdamWSettings>,
    known: boolean,
  ) => {
    const optimizer = await createOptimizer(backend, { ...settings, ...change }, from);
    const gradients = compileFunction(
      backend,
      ({
        parameters,
        ids,
        previous,
      }: {
        parameters: Record<string, Tensor>;
        ids: Tensor;
        previous?: Record<string, Tensor>;
      }) => {
        const rows = takeRows(parameters.table as Tensor, ids);
        return accumulatedGradients(sum(mul(mul(rows, rows), rows)), parameters, previous);
      },
      { donate: ["previous"] },
    );
    const norms: number[] = [];
    for (const batches of steps) {
      let previous: Named | undefined;
      for (const ids of batches) {
        const inputs = { parameters: optimizer.parameters, ids: int32(ids, [ids.length]) };
        previous = await gradients(previous === undefined ? inputs : { ...inputs, previous });
      }
      const gradient = previous?.table as Value;
      expect(gradient.touched).toBeDefined();
      let given: Value = gradient;
      if (!known) {
        given = (await backend.upload(await gradient.read())) as Value;
        gradient.dispose();
      }
      norms.push(await optimizer.apply({ table: given }, 0.01));
      const isSparse = (optimizer.moments.m.table as Value).touched?.includes(0) ?? false;
      expect(isSparse).toBe(known && !(change.weightDecay && change.decays));
    }
    const snapshot = await optimizer.snapshot();
    await optimizer.dispose();
    await gradients.dispose();
    return { norms, snapshot };
  };
  const hashesOf = ({ norms, snapshot: { parameters, m, v } }: Awaited<ReturnType<typeof train>>) => [
    ...norms,
    ...[parameters, m, v].map(({ table }) =>
      createHash("sha256")
        .update(table?.data as Float32Array)
        .digest("hex"),
    ),
  ];

  it.each([
    ["without decay", {}],
    ["with decay", { decays: () => true, weightDecay: 0.1 }],
    [
      "without clipping, TensorFlow's epsilon",
      { maxGradNorm: undefined, epsilonForm: "tensorflow" as const },
    ],
  ])("learns the same, bit for bit, whether zeros are known, %s", async (_, change) => {
    const [sparse, dense] = [await start(), await start()];
    const first = await train(sparse, { table: table() }, change, true);
    const firstDense = await train(dense, { table: table() }, change, false);
    expect(hashesOf(first)).toEqual(hashesOf(firstDense));
    // From a checkpoint, with moments of rows that are met no more, and whose moments are -0.
    first.snapshot.m.table!.data.set([3, -0], 700 * width);
    first.snapshot.m.table!.data.set([-0], 800 * width);
    expect(hashesOf(await train(sparse, first.snapshot, change, true))).toEqual(
      hashesOf(await train(dense, first.snapshot, change, false)),
    );
  });
});
