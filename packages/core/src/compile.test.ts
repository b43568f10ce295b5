import { describe, expect, it } from "vitest";
import {
  add,
  type Backend,
  BackendError,
  compileFunction,
  float32,
  int32,
  linear,
  mul,
  printGraph,
  referenceBackend,
  type Tensor,
  type TraceStore,
  takeRows,
  trace,
} from "./index.js";

/** The reference, with a count of its compilations and of the tensors alive. */
function counting() {
  const inner = referenceBackend();
  const counts = { compiled: 0, uploaded: 0 };
  const alive = new Set<unknown>();
  const backend: Backend = {
    ...inner,
    async upload(value) {
      counts.uploaded += 1;
      const tensor = await inner.upload(value);
      alive.add(tensor);
      const dispose = tensor.dispose.bind(tensor);
      tensor.dispose = () => {
        alive.delete(tensor);
        dispose();
      };
      return tensor;
    },
    compile(graph, options) {
      counts.compiled += 1;
      return inner.compile(graph, options);
    },
  };
  return { backend, counts, alive };
}

const row = (...values: number[]) => float32(values, [values.length]);

describe("compileFunction", () => {
  it("takes what is bound, whatever else a call gives under that name", async () => {
    const backend = referenceBackend();
    const [a, b] = [await backend.upload(row(1, 2)), await backend.upload(row(5, 6))];
    type Inputs = { readonly w: Readonly<Record<string, Tensor>>; readonly x: Tensor };
    const scale = compileFunction(backend, ({ w, x }: Inputs) => ({ y: add(mul(w.a!, x), w.b!) }), {
      constants: { w: { a, b } },
    });
    // 1 * 3 + 5, 2 * 4 + 6
    for (const inputs of [{ x: row(3, 4) }, { w: { a: row(9, 9) }, x: row(3, 4) }])
      expect((await (await scale(inputs)).y.read()).data).toEqual(Float32Array.of(8, 14));
    for (const tensor of [a, b]) tensor.dispose();
  });
  it("traces once per set of types", async () => {
    const { backend, counts } = counting();
    const double = compileFunction(backend, ({ x }: { x: Tensor }) => ({ y: mul(x, 2) }));
    for (const values of [[1], [2], [1, 2], [3]])
      expect([...(await (await double({ x: row(...values) })).y.read()).data]).toEqual(
        values.map((value) => 2 * value),
      );
    expect(counts.compiled).toBe(2);
  });

  it("finds what another function traced of the same body, and binds its own constants", async () => {
    const { backend } = counting();
    const graphs = new Set<unknown>();
    const watched: Backend = {
      ...backend,
      compile(graph, options) {
        graphs.add(graph);
        return backend.compile(graph, options);
      },
    };
    const traces: TraceStore = new Map();
    const scaled = async (factor: number, size: number) => {
      const constants = { factor: await watched.upload(float32([factor], [1])) };
      const body = ({ x, factor }: { x: Tensor; factor: Tensor }) => ({ y: mul(x, factor) });
      const run = compileFunction(watched, body, { constants, traces });
      const { y } = await run({ x: float32(new Float32Array(size).fill(3), [size]) });
      await run.dispose();
      return [...(await y.read()).data];
    };
    expect(await scaled(2, 1)).toEqual([6]);
    expect(await scaled(5, 1)).toEqual([15]);
    expect(graphs.size).toBe(1);
    expect(await scaled(5, 2)).toEqual([15, 15]);
    expect(graphs.size).toBe(2);
  });

  it("compiles a part of rows that do not meet, where a backend takes them apart", async () => {
    const asked: (readonly number[])[] = [];
    const got: object[] = [];
    const apart: Backend = {
      ...referenceBackend(),
      partsOf(rows, shared) {
        asked.push([rows, shared]);
        return 3;
      },
      compile: async ({ inputs }, { rows } = {}) => {
        got.push({ shapes: inputs.map(({ shape }) => shape), rows });
        return { run: async () => [], dispose: async () => {} };
      },
    };
    type Inputs = { readonly x: Tensor; readonly factor: Tensor; readonly others?: Tensor };
    const body = ({ x, factor }: Inputs) => ({ y: mul(x, factor) });
    const dynamic = { x: ["row", null], others: ["other"] } as const;
    const [x, factor] = [float32(new Float32Array(12), [6, 2]), float32([2, 3], [2])];
    await compileFunction(apart, body, { dynamic, rows: "row" })({ x, factor });
    expect(asked).toEqual([[6, 2]]);
    expect(got).toEqual([{ shapes: [[2, 2], [2]], rows: { parts: 3, inputs: new Set([0]) } }]);
    // Rows of which nothing is said, or that an argument of other rows holds together.
    await compileFunction(apart, body, { dynamic })({ x, factor });
    await compileFunction(apart, body, { dynamic, rows: "row" })({ x, factor, others: row(1) });
    expect(asked).toHaveLength(1);
    for (const { rows, shapes } of got.slice(1) as { rows?: object; shapes: readonly unknown[] }[]) {
      expect(rows).toBeUndefined();
      expect(shapes[0]).toEqual([6, 2]);
    }
  });

  it("frees what it uploaded, also when the run fails", async () => {
    const { backend, counts, alive } = counting();
    const take = compileFunction(backend, ({ table, ids }: { table: Tensor; ids: Tensor }) => ({
      y: takeRows(table, ids),
    }));
    await take({ table: row(1, 2), ids: int32([1], [1]) });
    await expect(take({ table: row(1, 2), ids: int32([2], [1]) })).rejects.toBeInstanceOf(BackendError);
    expect(counts.uploaded).toBe(4);
    expect(alive.size).toBe(0);
  });

  it("keeps the grouping of arguments and results", async () => {
    const run = compileFunction(
      referenceBackend(),
      ({ layers, x }: { layers: readonly { w: Tensor; b?: Tensor }[]; x: Tensor }) => ({
        outputs: layers.map(({ w, b }) => ({ y: linear(x, w, b) })),
      }),
    );
    const results = await run({
      layers: [{ w: float32([1, 2], [1, 2]) }, { w: float32([3, 4], [1, 2]), b: row(10) }],
      x: float32([1, 1], [1, 2]),
    });
    expect((await results.outputs[0]!.y.read()).data[0]).toBe(3);
    expect((await results.outputs[1]!.y.read()).data[0]).toBe(17);
  });

  it("refuses a donated tensor the second time", async () => {
    const backend = referenceBackend();
    const run = compileFunction(backend, ({ x }: { x: Tensor }) => ({ y: add(x, 1) }), { donate: ["x"] });
    const x = await backend.upload(row(1));
    await run({ x });
    await expect(run({ x })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[BackendError: reference: float32[1] was used after it was disposed or donated]`,
    );
  });

  it("does not keep a failed compilation", async () => {
    let attempts = 0;
    const run = compileFunction(referenceBackend(), ({ x }: { x: Tensor }) => {
      attempts += 1;
      if (attempts === 1) throw new Error("once");
      return { y: x };
    });
    await expect(run({ x: row(1) })).rejects.toThrow("once");
    expect((await (await run({ x: row(1) })).y.read()).data[0]).toBe(1);
  });
});

describe("printGraph", () => {
  it("names the line that traced an operation", () => {
    const { graph } = trace(({ x }: { x: Tensor }) => add(x, x), { x: { dtype: "float32", shape: [2] } });
    expect(printGraph(graph)).toMatchInlineSnapshot(`
      "%0 = input() {"name":"x"} : float32[2]
      %1 = add(%0, %0) : float32[2]
      return %1"
    `);
    expect(printGraph(graph, { sources: true }).split("\n")[1]).toMatch(/compile\.test\.ts:\d+:\d+$/);
  });
});
