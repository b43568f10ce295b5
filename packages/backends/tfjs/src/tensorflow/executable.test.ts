/** What stays in the variables of a session, who may still read it, and that nothing piles up. */
import {
  add,
  apply,
  type Backend,
  cachedAttention,
  compileFunction,
  type DeviceTensor,
  type Executable,
  float32,
  gradients,
  int32,
  linear,
  matMul,
  mul,
  referenceBackend,
  reshape,
  scatterAddRows,
  sizeOf,
  softmax,
  sum,
  type Tensor,
  takeRows,
  trace,
} from "@alignkit/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTfjsBackend } from "../backend.js";
import { nodeMissing } from "../fixtures/node-missing.js";
import { loadEngine } from "../load-engine.js";
import type { Value } from "./values.js";

const values = (count: number, seed: number) =>
  Float32Array.from({ length: count }, (_, index) => Math.sin(index * 1.7 + seed));

const scalar = (value: number) => float32([value], []);

type State = { readonly parameter: Tensor; readonly m: Tensor; readonly v: Tensor };

/** A step down the gradient of the sum of squares of `x parameter`. */
const gradientOf = ({ parameter, x }: { readonly parameter: Tensor; readonly x: Tensor }) => {
  const y = matMul(x, parameter);
  return { gradient: gradients(sum(mul(y, y)), [parameter])[0]! };
};
const settings = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
const update = ({ state, gradient, rate }: { state: State; gradient: Tensor; rate: Tensor }) => {
  const one = mul(rate, 0);
  const scale = add(one, 1);
  const inputs = [state.parameter, gradient, state.m, state.v, rate, rate, scale, scale];
  const [parameter, m, v] = apply("adamWUpdate", inputs, settings) as [Tensor, Tensor, Tensor];
  return { state: { parameter, m, v } };
};

const cacheStep = (inputs: Readonly<Record<"q" | "k" | "v" | "keys" | "values" | "lengths", Tensor>>) => {
  const { q, k, v, keys, values: held, lengths } = inputs;
  return cachedAttention({ queries: q, keys: k, values: v }, { keys, values: held }, lengths, {
    scale: 0.5,
    slidingWindow: null,
  });
};

describe.skipIf(nodeMissing !== undefined)(
  `tfjs:node${nodeMissing ? `, skipped: ${nodeMissing}` : ""}`,
  () => {
    let backend: Backend;
    let count: () => number;
    beforeAll(async () => {
      const { tf } = await loadEngine("node");
      backend = await createTfjsBackend({ provider: "node" });
      const { binding } = tf.backend() as unknown as { readonly binding: { getNumOfTensors(): number } };
      count = () => binding.getNumOfTensors();
    });
    afterAll(() => backend.dispose());

    const start = async (on: Backend, size: number) => {
      const zeros = () => on.upload(float32(new Float32Array(size * size), [size, size]));
      const parameter = await on.upload(float32(values(size * size, 1), [size, size]));
      return { parameter, m: await zeros(), v: await zeros() };
    };

    /** Trains for some steps and gives the parameters after each. */
    const train = async (on: Backend, size: number, steps: number, onStep: () => void = () => {}) => {
      const step = compileFunction(on, update, { donate: ["state", "gradient"] });
      const gradient = compileFunction(on, gradientOf);
      const x = float32(values(2 * size, 2), [2, size]);
      let state: Readonly<Record<"parameter" | "m" | "v", DeviceTensor>> = await start(on, size);
      for (let index = 0; index < steps; index++) {
        const made = await gradient({ parameter: state.parameter, x });
        ({ state } = await step({ state, gradient: made.gradient, rate: scalar(0.01) }));
        onStep();
      }
      const last = (await state.parameter.read()).data;
      const moments = state;
      await step.dispose();
      await gradient.dispose();
      // What lay in the session is still there.
      expect((await moments.m.read()).data.every(Number.isFinite)).toBe(true);
      for (const tensor of Object.values(state)) tensor.dispose();
      return last;
    };

    it("trains in variables as the reference does", async () => {
      const got = await train(backend, 5, 20);
      const wanted = await train(referenceBackend(), 5, 20);
      for (const [index, value] of wanted.entries()) expect(got[index]).toBeCloseTo(value, 4);
    });

    it("leaves what was not donated as it was", async () => {
      const step = compileFunction(backend, update);
      const state = await start(backend, 3);
      const gradient = float32(values(9, 3), [3, 3]);
      const first = await step({ state, gradient, rate: scalar(0.1) });
      const second = await step({ state: first.state, gradient, rate: scalar(0.1) });
      expect((await state.parameter.read()).data).toEqual(values(9, 1));
      const donated = compileFunction(backend, update, { donate: ["state"] });
      const again = await donated({ state, gradient, rate: scalar(0.1) });
      expect((await again.state.parameter.read()).data).toEqual((await first.state.parameter.read()).data);
      expect((await second.state.m.read()).data).not.toEqual((await first.state.m.read()).data);
      await expect(state.parameter.read()).rejects.toThrow("was used after it was disposed or donated");
      for (const tensors of [first, second, again])
        for (const tensor of Object.values(tensors.state)) tensor.dispose();
      for (const made of [step, donated]) await made.dispose();
    });

    it.each([
      { width: 4, place: "written in place" },
      { width: 3, place: "copied, since its parts lie at odd addresses" },
    ])("takes rows apart, with a cache of width $width that is $place", async ({ width }) => {
      const [batch, slots] = [4, 4];
      type Inputs = Parameters<typeof cacheStep>[0] & { readonly weight: Tensor; readonly scale: Tensor };
      const body = ({ weight, scale, ...inputs }: Inputs) => {
        const { attended, ...cache } = cacheStep(inputs);
        const x = mul(reshape(attended, [attended.shape[0] as number, width]), scale);
        // The weight turned, twice, and as it lies.
        const [rows, more] = [linear(x, weight), linear(mul(x, x), weight)];
        const taken = takeRows(weight, inputs.lengths);
        return { ...cache, rows, more, taken, scores: softmax(rows), copy: inputs.lengths };
      };
      const axes = ["batch"] as const;
      const options = {
        dynamic: { q: axes, k: axes, v: axes, keys: axes, values: axes, lengths: axes },
        rows: "batch",
        donate: ["keys", "values"],
      } as const;
      const apart: Backend = { ...backend, partsOf: () => 2 };
      const weight = float32(values(width * 5, 7), [5, width]);
      const run = compileFunction(apart, body, {
        ...options,
        constants: { weight: await backend.upload(weight) },
      });
      const reference = referenceBackend();
      const wanted = compileFunction(reference, body);
      const rowsOf = (seed: number) => float32(values(batch * width, seed), [batch, 1, 1, width]);
      const start = float32(values(batch * slots * width, 9), [batch, 1, slots, width]);
      let cache = { keys: await backend.upload(start), values: await backend.upload(start) };
      let wantedCache = { keys: await reference.upload(start), values: await reference.upload(start) };
      for (let index = 0; index < 3; index++) {
        const given = {
          q: rowsOf(index),
          k: rowsOf(index + 10),
          v: rowsOf(index + 20),
          lengths: int32([index, 0, 1, index], [batch]),
          scale: scalar(0.7),
        };
        const result = await run({ ...given, ...cache });
        const expected = await wanted({ ...given, ...wantedCache, weight });
        expect((result.keys as Value).slot === undefined).toBe(width === 3);
        for (const [name, tensor] of Object.entries(expected)) {
          const got = await (result as Record<string, DeviceTensor>)[name]?.read();
          expect(got?.type).toEqual(tensor.type);
          for (const [at, value] of (await tensor.read()).data.entries())
            expect(got?.data[at], `${name}[${at}]`).toBeCloseTo(value, 5);
        }
        cache = { keys: result.keys, values: result.values };
        wantedCache = { keys: expected.keys, values: expected.values };
      }
      await run.dispose();
    });

    it("writes one row of a cache, and copies for whoever keeps the old one", async () => {
      const [batch, slots, width] = [2, 4, 3];
      const rowsOf = (seed: number) => float32(values(batch * width, seed), [batch, 1, 1, width]);
      const run = compileFunction(backend, cacheStep, { donate: ["keys", "values"] });
      const keeping = compileFunction(backend, cacheStep);
      const wanted = compileFunction(referenceBackend(), cacheStep);
      const empty = () => float32(values(batch * slots * width, 9), [batch, 1, slots, width]);
      let [keys, held] = [await backend.upload(empty()), await backend.upload(empty())];
      let [otherKeys, otherHeld]: [object, object] = [empty(), empty()];
      for (let index = 0; index < slots; index++) {
        const given = {
          q: rowsOf(index),
          k: rowsOf(index + 10),
          v: rowsOf(index + 20),
          lengths: int32([index, 0], [2]),
        };
        const before = (await keys.read()).data.slice();
        const copied = await keeping({ ...given, keys, values: held });
        expect((await keys.read()).data).toEqual(before);
        const result = await run({ ...given, keys, values: held });
        // It stays where it was written.
        expect((result.keys as Value).slot).toBeDefined();
        const expected = await wanted({ ...given, keys: otherKeys, values: otherHeld } as never);
        for (const name of ["attended", "keys", "values"] as const) {
          const want = (await expected[name].read()).data;
          for (const each of [copied, result]) {
            const got = (await each[name].read()).data;
            for (const [at, value] of want.entries()) expect(got[at], `${name}[${at}]`).toBeCloseTo(value, 5);
          }
        }
        for (const tensor of [...Object.values(copied), result.attended]) tensor.dispose();
        [keys, held, otherKeys, otherHeld] = [result.keys, result.values, expected.keys, expected.values];
      }
      keys.dispose();
      held.dispose();
      for (const made of [run, keeping]) await made.dispose();
    });

    it("holds as many tensors and as much memory after 200 steps as before", {
      timeout: 60_000,
    }, async () => {
      const before = count();
      const counts = new Set<number>();
      const resident: number[] = [];
      // 1.6 MB a tensor: one more held at each step would be 240 MB over the last 150.
      await train(backend, 640, 200, () => {
        counts.add(count());
        resident.push(process.memoryUsage.rss());
      });
      expect(counts.size).toBe(1);
      expect(count()).toBe(before);
      expect(resident[199]! - resident[50]!).toBeLessThan(24 << 20);
    });

    it.each([
      [64, 5, 7],
      [65, 5, 7],
      [65, 71, 67],
      [68, 71, 67],
    ])("multiplies %i rows by a transposed weight of %i x %i", async (rows, outputs, inputs) => {
      const project = ({ x, weight, bias }: Readonly<Record<"x" | "weight" | "bias", Tensor>>) => ({
        y: linear(x, weight, bias),
      });
      const given = {
        x: float32(values(rows * inputs, 1), [rows, inputs]),
        weight: float32(values(outputs * inputs, 2), [outputs, inputs]),
        bias: float32(values(outputs, 3), [outputs]),
      };
      const wanted = await (await compileFunction(referenceBackend(), project)(given)).y.read();
      const got = await (await compileFunction(backend, project)(given)).y.read();
      expect(got.type.shape).toEqual([rows, outputs]);
      // Sums of up to 67 products, at most 34: they differ by a few of float32's steps of 4e-6 there.
      for (const [at, value] of wanted.data.entries()) expect(got.data[at]).toBeCloseTo(value, 4);
    });

    // More than 64 rows go to operators of oneDNN, where there are.
    it.each([
      { stack: [], transposeA: false, transposeB: false },
      { stack: [], transposeA: true, transposeB: false },
      { stack: [], transposeA: false, transposeB: true },
      { stack: [], transposeA: true, transposeB: true },
      { stack: [2, 3], transposeA: false, transposeB: false },
      { stack: [2, 3], transposeA: true, transposeB: false },
      { stack: [2, 3], transposeA: false, transposeB: true },
    ])("multiplies many rows, %o", async ({ stack, transposeA, transposeB }) => {
      const [rows, terms, columns] = [65, 7, 5];
      const multiply = ({ a, b }: { readonly a: Tensor; readonly b: Tensor }) => ({
        product: matMul(a, b, { transposeA, transposeB }),
      });
      const operand = (matrix: readonly number[], seed: number) => {
        const shape = [...stack, ...matrix];
        return float32(values(sizeOf(shape), seed), shape);
      };
      const given = {
        a: operand(transposeA ? [terms, rows] : [rows, terms], 1),
        b: operand(transposeB ? [columns, terms] : [terms, columns], 2),
      };
      const wanted = await (await compileFunction(referenceBackend(), multiply)(given)).product.read();
      const got = await (await compileFunction(backend, multiply)(given)).product.read();
      expect(got.type).toEqual(wanted.type);
      // Sums of 7 products, at most 7: float32's steps there are 5e-7.
      for (const [at, value] of wanted.data.entries()) expect(got.data[at]).toBeCloseTo(value, 5);
    });

    it("computes with the constants of whoever compiles a graph again, beside and after others", async () => {
      const { graph } = trace(({ x, weight }: { x: Tensor; weight: Tensor }) => ({ y: mul(x, weight) }), {
        x: { dtype: "float32", shape: [2] },
        weight: { dtype: "float32", shape: [2] },
      });
      const x = await backend.upload(float32([2, 3], [2]));
      const compile = async (weights: readonly number[]) => {
        const weight = await backend.upload(float32(weights, [2]));
        const executable = await backend.compile(graph, { constants: new Map([[1, weight]]) });
        weight.dispose();
        return executable;
      };
      const run = async (executable: Executable) => [
        ...(await (await executable.run([x, undefined]))[0]!.read()).data,
      ];
      const [first, beside] = [await compile([1, 10]), await compile([5, 7])];
      expect([await run(first), await run(beside)]).toEqual([
        [2, 30],
        [10, 21],
      ]);
      await first.dispose();
      await expect(first.run([x, undefined])).rejects.toThrow("used after it was disposed");
      const after = await compile([100, 0]);
      expect([await run(after), await run(beside)]).toEqual([
        [200, 0],
        [10, 21],
      ]);
      await first.dispose();
      expect(await run(after)).toEqual([200, 0]);
      for (const executable of [after, beside]) await executable.dispose();
      x.dispose();
    });

    it("adds rows to a product, which whoever else reads it does not see", async () => {
      const [rows, terms, columns] = [5, 3, 2];
      type Given = Readonly<Record<"a" | "b" | "ids" | "more", Tensor>>;
      const scatter = ({ a, b, ids, more }: Given) => {
        const read = matMul(a, b);
        const only = matMul(a, mul(b, 2));
        const sums = [
          scatterAddRows(read, ids, more),
          scatterAddRows(scatterAddRows(only, ids, more), ids, more),
        ];
        return { read, first: sums[0]!, second: sums[1]! };
      };
      const given = {
        a: float32(values(rows * terms, 1), [rows, terms]),
        b: float32(values(terms * columns, 2), [terms, columns]),
        ids: int32([4, 1, 4], [3]),
        more: float32(values(3 * columns, 3), [3, columns]),
      };
      const wanted = await compileFunction(referenceBackend(), scatter)(given);
      const run = compileFunction(backend, scatter);
      for (let round = 0; round < 2; round++) {
        const got = await run(given);
        for (const name of ["read", "first", "second"] as const) {
          const { data } = await wanted[name].read();
          // Sums of at most 7 numbers, at most 6: float32's steps there are 5e-7.
          for (const [at, value] of (await got[name].read()).data.entries())
            expect(value).toBeCloseTo(data[at] as number, 5);
        }
      }
    });

    it("names an id that is outside, and goes on", async () => {
      const take = compileFunction(backend, ({ table, ids }: { table: Tensor; ids: Tensor }) => ({
        rows: takeRows(table, ids),
      }));
      const table = float32(values(6, 1), [3, 2]);
      await expect(take({ table, ids: int32([0, 3], [2]) })).rejects.toThrow(
        "takeRows: id 3 at position 1 is outside 0..2",
      );
      // Ids that are computed are seen by TensorFlow itself.
      const next = compileFunction(backend, ({ table: rows, ids }: { table: Tensor; ids: Tensor }) => ({
        rows: takeRows(rows, add(ids, 1)),
      }));
      await expect(next({ table, ids: int32([2], [1]) })).rejects.toThrow("TensorFlow says: ");
      expect((await (await next({ table, ids: int32([1], [1]) })).rows.read()).data).toEqual(
        values(6, 1).slice(4),
      );
    });
  },
);
