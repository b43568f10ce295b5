import { expect, it } from "vitest";
import {
  add,
  BackendError,
  compileFunction,
  exp,
  float32,
  int32,
  interpreterBackend,
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
