import { expect, it } from "vitest";
import {
  add,
  BackendError,
  compileFunction,
  exp,
  float32,
  type HostTensor,
  int32,
  interpreterBackend,
  type Kernel,
  mul,
  type Tensor,
  takeRows,
} from "./index.js";
import { referenceEngine } from "./reference.js";

/** The reference, whose values are counted from their making to their freeing. */
function counting() {
  const engine = referenceEngine();
  const alive = new Set<unknown>();
  const counted = Object.fromEntries(
    Object.entries(engine.kernels).map(([op, kernel]) => [
      op,
      async (...given: readonly never[]) => {
        const made = await (kernel as (...all: readonly never[]) => Promise<readonly unknown[]>)(...given);
        for (const value of made) alive.add(value);
        return made;
      },
    ]),
  );
  const backend = interpreterBackend({
    ...engine,
    kernels: counted as unknown as typeof engine.kernels,
    upload: (value) => {
      const made = engine.upload(value);
      alive.add(made);
      return made;
    },
    free: (value) => {
      expect(alive.delete(value), "freed what is not there").toBe(true);
    },
  });
  return { backend, alive };
}

it("frees what a run made when one of its kernels throws", async () => {
  const { backend, alive } = counting();
  const body = ({ table, ids }: { readonly table: Tensor; readonly ids: Tensor }) => {
    const scaled = mul(exp(table), 2);
    // `first` is an output and already computed when the second lookup fails.
    const first = add(takeRows(scaled, ids), 1);
    return { first, second: takeRows(first, ids) };
  };
  const run = compileFunction(backend, body);
  const table = await backend.upload(float32([1, 2, 3, 4, 5, 6], [3, 2]));
  // Two rows are taken, so that id 2 is in the table and not among them.
  await expect(run({ table, ids: int32([2, 0], [2]) })).rejects.toThrow(BackendError);
  expect(alive.size).toBe(1);
  const { first, second } = await run({ table, ids: int32([1, 0], [2]) });
  expect(alive.size).toBe(3);
  for (const tensor of [first, second, table]) tensor.dispose();
  expect(alive.size).toBe(0);
});

/** The reference, whose `exp` and `add` write down which of their inputs they may overwrite. */
function noting() {
  const engine = referenceEngine();
  const notes: string[] = [];
  const noted = (op: "exp" | "add") => {
    const kernel = engine.kernels[op] as Kernel<"exp" | "add", HostTensor>;
    const noting: typeof kernel = (inputs, attributes, types, inputTypes, mayOverwrite) => {
      notes.push(`${op} ${inputs.map((_, input) => mayOverwrite?.(input)).join()}`);
      return kernel(inputs, attributes, types, inputTypes, mayOverwrite);
    };
    return noting;
  };
  const kernels = { ...engine.kernels, exp: noted("exp"), add: noted("add") };
  return { backend: interpreterBackend({ ...engine, kernels }), notes };
}

it("tells a kernel which inputs it may overwrite: those of the run and donated ones, at their last use", async () => {
  const { backend, notes } = noting();
  const pair = () =>
    Promise.all([backend.upload(float32([1, 2], [2])), backend.upload(float32([3, 4], [2]))]);
  type Pair = { readonly x: Tensor; readonly y: Tensor };
  const notesOf = async (
    body: (pair: Pair) => Record<string, Tensor>,
    { donate = ["x"], same = false }: { donate?: ("x" | "y")[]; same?: boolean } = {},
  ) => {
    notes.length = 0;
    const [x, y] = await pair();
    await compileFunction(backend, body, { donate })({ x, y: same ? x : y });
    return notes.join("; ");
  };
  // y is the caller's; the sum is the run's.
  expect(await notesOf(({ x, y }) => ({ z: exp(add(x, y)) }))).toBe("add true,false; exp true");
  expect(await notesOf(({ x, y }) => ({ z: add(x, y) }), { donate: ["x", "y"] })).toBe("add true,true");
  // exp(x) is read once more, as a result.
  expect(await notesOf(({ x, y }) => ({ z: add(exp(x), y), e: exp(x) }))).toBe("exp true; add false,false");
  expect(await notesOf(({ x, y }) => ({ z: add(exp(x), add(x, y)) }))).toBe(
    "exp false; add true,false; add true,true",
  );
  expect(await notesOf(({ x }) => ({ z: add(x, x) }))).toBe("add false,false");
  expect(await notesOf(({ x, y }) => ({ z: add(x, y), x }))).toBe("add false,false");
  expect(await notesOf(({ x, y }) => ({ z: add(x, y) }), { donate: ["x", "y"], same: true })).toBe(
    "add false,false",
  );

  notes.length = 0;
  const [x, y] = await pair();
  await compileFunction(backend, ({ x, y }: Pair) => ({ z: add(x, y) }), {
    donate: ["x"],
    constants: { y: x },
  })({ x });
  expect(notes).toEqual(["add false,false"]);
  expect((await y.read()).data).toEqual(Float32Array.of(3, 4));
});

it("consumes what is donated to a run that fails, which may have overwritten it", async () => {
  const { backend, alive } = counting();
  const run = compileFunction(
    backend,
    ({ table, ids }: { readonly table: Tensor; readonly ids: Tensor }) => ({ rows: takeRows(table, ids) }),
    { donate: ["table"] },
  );
  const table = await backend.upload(float32([1, 2, 3], [3, 1]));
  await expect(run({ table, ids: int32([3], [1]) })).rejects.toThrow(BackendError);
  await expect(table.read()).rejects.toThrow("disposed or donated");
  expect(alive.size).toBe(0);
});
