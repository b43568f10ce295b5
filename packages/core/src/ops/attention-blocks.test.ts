import { describe, expect, it } from "vitest";
import {
  add,
  and,
  attention,
  compileFunction,
  equal,
  gradients,
  int32,
  iota,
  less,
  lessEqual,
  mul,
  referenceBackend,
  reshape,
  select,
  sub,
  sum,
  type Tensor,
  tanh,
} from "../index.js";

const hidden = -1e30;
const B = 2;
const width = 3;

const values = (shape: readonly number[], seed: number) => ({
  type: { dtype: "float32" as const, shape },
  data: Float64Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, index) =>
    Math.sin(1.7 * index + seed),
  ),
});

/** `[1, 1, T, T]` */
function causal(length: number, window = length): Tensor {
  const [query, key] = [iota([1, 1, length, length], 2), iota([1, 1, length, length], 3)];
  return select(and(lessEqual(key, query), less(sub(query, key), window)), 0, hidden);
}

/** Only keys of the query's own document, `[B, 1, T, T]`; padding is a document too. */
function within(documents: Tensor): Tensor {
  const [batch, length] = documents.shape as [number, number];
  const same = equal(reshape(documents, [batch, 1, length, 1]), reshape(documents, [batch, 1, 1, length]));
  return select(same, 0, hidden);
}

interface Inputs {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly documents: Tensor;
}

/** Attended values and the gradients by queries, keys and values. */
async function compute(
  { length, heads, groups }: { readonly length: number; readonly heads: number; readonly groups: number },
  maskOf: (documents: Tensor) => Tensor,
  block: number | null,
): Promise<readonly (readonly number[])[]> {
  const evaluate = compileFunction(
    referenceBackend({ precision: "float64" }),
    ({ q, k, v, documents }: Inputs) => {
      const attended = attention(q, k, v, maskOf(documents), 0.6, block);
      return { results: [attended, ...gradients(sum(tanh(mul(attended, 2))), [q, k, v])] };
    },
  );
  const { results } = await evaluate({
    q: values([B, heads, length, width], 1),
    k: values([B, groups, length, width], 2),
    v: values([B, groups, length, width], 3),
    // Documents of 90 tokens; the second row ends in 40 tokens of padding.
    documents: int32(
      Array.from({ length: B * length }, (_, index) => {
        const [row, column] = [Math.floor(index / length), index % length];
        return row === 1 && column >= length - 40 ? -1 : Math.floor(column / 90);
      }),
      [B, length],
    ),
  });
  return Promise.all(results.map(async (tensor) => [...(await tensor.read()).data]));
}

describe.each([
  { length: 256, heads: 2, groups: 2 },
  { length: 300, heads: 4, groups: 2 },
])("attention in blocks of 128, $length tokens, $heads heads on $groups", (sizes) => {
  const { length } = sizes;
  it.each<[string, (documents: Tensor) => Tensor]>([
    ["all of the past", () => causal(length)],
    ["a window of 50 keys", () => causal(length, 50)],
    ["documents and padding", (documents) => add(within(documents), causal(length))],
  ])("gives the values and gradients of attention at once: %s", async (_, maskOf) => {
    const [atOnce, inBlocks] = [await compute(sizes, maskOf, null), await compute(sizes, maskOf, 128)];
    for (const [index, expected] of atOnce.entries()) {
      const actual = inBlocks[index] as readonly number[];
      const largest = Math.max(...expected.map((value, at) => Math.abs(value - (actual[at] as number))));
      // float64; sums of up to 300 terms of size 1, in another order.
      expect(largest).toBeLessThan(1e-12);
      expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(1e-2);
    }
  });
});
