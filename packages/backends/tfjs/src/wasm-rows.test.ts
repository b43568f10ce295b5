/** A cache is written where it lies when nobody else wants its memory, and copied else. */
import {
  type Backend,
  cachedAttention,
  compileFunction,
  type DeviceTensor,
  float32,
  type HostTensor,
  int32,
  mul,
  reshape,
  sum,
  type Tensor,
} from "@alignkit/core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createTfjsBackend } from "./backend.js";

let backend: Backend;
beforeAll(async () => {
  backend = await createTfjsBackend({ provider: "wasm" });
});
afterAll(() => backend.dispose());

const [batch, groups, slots, width] = [3, 2, 5, 4];
const rowShape = [batch, groups, 1, width];
const cacheShape = [batch, groups, slots, width];
const wave = (shape: readonly number[], seed: number): HostTensor => {
  const length = shape.reduce((product, size) => product * size, 1);
  return float32(
    Float32Array.from({ length }, (_, index) => Math.sin(index + seed)),
    shape,
  );
};

interface Inputs {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly keys: Tensor;
  readonly values: Tensor;
  readonly lengths: Tensor;
}
const attend = ({ q, k, v, keys, values, lengths }: Inputs) =>
  cachedAttention({ queries: q, keys: k, values: v }, { keys, values }, lengths, {
    scale: 0.5,
    slidingWindow: 3,
  });
const rows = (seed: number) => ({
  q: wave(rowShape, seed),
  k: wave(rowShape, seed + 10),
  v: wave(rowShape, seed + 20),
  lengths: int32([seed, 4 - seed, 2], [batch]),
});
const upload = () =>
  Promise.all([backend.upload(wave(cacheShape, 30)), backend.upload(wave(cacheShape, 40))]);
const read = async (tensors: Readonly<Record<string, DeviceTensor>>) =>
  Promise.all(Object.values(tensors).map(async (tensor) => (await tensor.read()).data));

it("gives the same bytes step by step, whether the cache is donated or kept", async () => {
  const donating = compileFunction(backend, attend, { donate: ["keys", "values"] });
  const keeping = compileFunction(backend, attend);
  let [keys, values]: readonly DeviceTensor[] = await upload();
  for (let step = 0; step < slots; step++) {
    const before = await read({ keys: keys!, values: values! });
    const kept = await keeping({ ...rows(step), keys: keys!, values: values! });
    expect(await read({ keys: keys!, values: values! })).toEqual(before);
    const written: Awaited<ReturnType<typeof donating>> = await donating({
      ...rows(step),
      keys: keys!,
      values: values!,
    });
    expect(await read(written)).toEqual(await read(kept));
    ({ keys, values } = written);
  }
});

it("copies a donated cache whose old numbers are still wanted", async () => {
  const wanted = ({ keys, ...inputs }: Inputs) => {
    const flat = reshape(keys, [batch, groups * slots * width]);
    const next = attend({ ...inputs, keys });
    // Read after it was written, through another tensor of the same memory, and through the cache itself.
    return { ...next, total: sum(flat, 1), twice: mul(keys, sum(next.attended)), flat };
  };
  const donating = compileFunction(backend, wanted, { donate: ["keys", "values"] });
  const keeping = compileFunction(backend, wanted);
  const [[keys, values], [otherKeys, otherValues]] = [await upload(), await upload()];
  const expected = await keeping({ ...rows(1), keys, values });
  const actual = await donating({ ...rows(1), keys: otherKeys, values: otherValues });
  expect(await read(actual)).toEqual(await read(expected));
});

it("copies a donated cache that a tensor of somebody else shares", async () => {
  const views = compileFunction(backend, ({ cache }: { readonly cache: Tensor }) => {
    const twice = mul(cache, 2);
    return { keys: twice, same: reshape(twice, [batch, groups * slots * width]) };
  });
  const { keys, same } = await views({ cache: wave(cacheShape, 30) });
  const before = (await same.read()).data;
  const [, values] = await upload();
  const donating = compileFunction(backend, attend, { donate: ["keys", "values"] });
  await donating({ ...rows(1), keys, values });
  expect((await same.read()).data).toEqual(before);
});

it("copies keys that are the values as well", async () => {
  const donating = compileFunction(backend, attend, { donate: ["keys", "values"] });
  const keeping = compileFunction(backend, attend);
  const [both, otherBoth] = await upload();
  const expected = await keeping({ ...rows(2), keys: both, values: both });
  const actual = await donating({ ...rows(2), keys: both, values: both });
  expect(await read(actual)).toEqual(await read(expected));
  otherBoth.dispose();
});
