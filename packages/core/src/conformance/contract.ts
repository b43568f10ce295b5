import {
  add,
  type Backend,
  compileFunction,
  float32,
  int32,
  linear,
  matMul,
  mul,
  referenceBackend,
  reshape,
  softmax,
  type Tensor,
  takeRows,
  updateSlice,
} from "../index.js";

type Rule = (backend: Backend) => Promise<string | undefined>;

const values = (length: number, seed = 1) =>
  Float32Array.from({ length }, (_, index) => Math.sin(index * 1.7 + seed));

function differs(actual: ArrayLike<number>, expected: ArrayLike<number>): string | undefined {
  for (let i = 0; i < expected.length; i++) {
    if (!(Math.abs((actual[i] as number) - (expected[i] as number)) <= 1e-5))
      return `element ${i} is ${actual[i]}, expected ${expected[i]}`;
  }
  return actual.length === expected.length
    ? undefined
    : `${actual.length} values, expected ${expected.length}`;
}

/** What holds of every backend besides the meaning of its ops. */
const rules: Readonly<Record<string, Rule>> = {
  "upload copies: changing the array afterwards changes nothing": async (backend) => {
    const data = values(6);
    const before = data.slice();
    const tensor = await backend.upload(float32(data, [2, 3]));
    data.fill(9);
    return differs((await tensor.read()).data, before);
  },
  "read copies: changing what was read changes nothing": async (backend) => {
    const tensor = await backend.upload(float32(values(6), [2, 3]));
    (await tensor.read()).data.fill(9);
    return differs((await tensor.read()).data, values(6));
  },
  "an input that is not donated keeps its value": async (backend) => {
    const run = compileFunction(
      backend,
      ({ cache, x, start }: { cache: Tensor; x: Tensor; start: Tensor }) => ({
        cache: updateSlice(cache, x, start, 0),
      }),
    );
    const cache = await backend.upload(float32(values(6), [3, 2]));
    const result = await run({ cache, x: float32([7, 8], [1, 2]), start: int32([1], []) });
    const kept = differs((await cache.read()).data, values(6));
    const expected = values(6);
    expected.set([7, 8], 2);
    return kept ?? differs((await result.cache.read()).data, expected);
  },
  "a donated input may be given back as the result, run after run": async (backend) => {
    const run = compileFunction(
      backend,
      ({ cache, x, start }: { cache: Tensor; x: Tensor; start: Tensor }) => ({
        cache: updateSlice(cache, x, start, 0),
        total: mul(x, 2),
      }),
      { donate: ["cache"] },
    );
    let cache = await backend.upload(float32(new Float32Array(6), [3, 2]));
    for (let row = 0; row < 3; row++) {
      ({ cache } = await run({ cache, x: float32([row + 1, row + 2], [1, 2]), start: int32([row], []) }));
    }
    return differs((await cache.read()).data, [1, 2, 2, 3, 3, 4]);
  },
  "results are independent of each other and of later runs": async (backend) => {
    const run = compileFunction(backend, ({ x }: { x: Tensor }) => ({ y: mul(x, 2) }));
    const first = await run({ x: float32([1, 2, 3], [3]) });
    const second = await run({ x: float32([4, 5, 6], [3]) });
    second.y.dispose();
    await run({ x: float32([7, 8, 9], [3]) });
    return differs((await first.y.read()).data, [2, 4, 6]);
  },
  "constants give the same values as inputs": async (backend) => {
    const body = ({ weights, x }: { weights: { w: Tensor; b: Tensor }; x: Tensor }) => ({
      y: softmax(linear(x, weights.w, weights.b)),
    });
    const [w, b, x] = [
      float32(values(20), [5, 4]),
      float32(values(5, 2), [5]),
      float32(values(8, 3), [2, 4]),
    ];
    const expected = await compileFunction(referenceBackend(), body)({ weights: { w, b }, x });
    const weights = { w: await backend.upload(w), b: await backend.upload(b) };
    const actual = await compileFunction(backend, body, { constants: { weights } })({ x });
    return differs((await actual.y.read()).data, (await expected.y.read()).data);
  },
  "free axes: one function serves several sizes": async (backend) => {
    const body = ({ table, ids, mask }: { table: Tensor; ids: Tensor; mask: Tensor }) => {
      const [batch, time] = ids.shape as [number, number];
      const x = takeRows(table, ids);
      const scores = add(matMul(x, x, { transposeB: true }), mask);
      const mixed = matMul(softmax(scores), x);
      return { rows: reshape(mixed, [batch * time, 4]), mixed };
    };
    const table = float32(values(36), [9, 4]);
    const run = compileFunction(backend, body, { dynamic: { ids: ["B", "T"], mask: ["B", "T", "T"] } });
    const reference = compileFunction(referenceBackend(), body);
    for (const [batch, time] of [
      [2, 3],
      [1, 5],
      [3, 1],
      [1, 1],
      [2, 3],
    ] as const) {
      const ids = int32(
        Int32Array.from({ length: batch * time }, (_, index) => (index * 5) % 9),
        [batch, time],
      );
      const inputs = { table, ids, mask: float32(values(batch * time * time), [batch, time, time]) };
      const [actual, expected] = [await run(inputs), await reference(inputs)];
      const problem = differs((await actual.rows.read()).data, (await expected.rows.read()).data);
      if (problem !== undefined) return `sizes ${batch} and ${time}: ${problem}`;
      if (actual.mixed.type.shape.join() !== `${batch},${time},4`)
        return `result has shape [${actual.mixed.type.shape.join()}]`;
    }
    return undefined;
  },
  "the same run gives the same bytes": async (backend) => {
    const run = compileFunction(backend, ({ a, b }: { a: Tensor; b: Tensor }) => ({
      y: softmax(matMul(a, b)),
    }));
    const inputs = { a: float32(values(37 * 129), [37, 129]), b: float32(values(129 * 65, 2), [129, 65]) };
    const [first, second] = [await (await run(inputs)).y.read(), await (await run(inputs)).y.read()];
    const at = first.data.findIndex((value, index) => value !== second.data[index]);
    return at === -1 ? undefined : `element ${at} was ${first.data[at]}, then ${second.data[at]}`;
  },
  "an id outside the table is refused": async (backend) => {
    const run = compileFunction(backend, ({ x, ids }: { x: Tensor; ids: Tensor }) => ({
      y: takeRows(x, ids),
    }));
    const given = { x: float32(values(6), [2, 3]), ids: int32([5], [1]) };
    return run(given).then(
      () => "id 5 was accepted by a table of 2 rows",
      () => undefined,
    );
  },
};

/** The rules by name, for runners. */
export const contractNames: readonly string[] = Object.keys(rules);

/** @returns what is wrong, or `undefined` */
export async function checkContract(backend: Backend, name: string): Promise<string | undefined> {
  try {
    return await (rules[name] as Rule)(backend);
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
}
