import {
  add,
  collectRows,
  compileFunction,
  float32,
  legalize,
  matMul,
  reshape,
  softmax,
  spreadRows,
  type Tensor,
  takeRows,
  trace,
  transpose,
} from "@alignkit/core";
import { expect, it } from "vitest";
import { addCosts, graphCosts } from "./costs.js";
import { countingBackend } from "./watched-backends.js";

const type = (...shape: number[]) => ({ dtype: "float32", shape }) as const;
const ids = (...shape: number[]) => ({ dtype: "int32", shape }) as const;
const vocabulary = 29;

it("counts products by their shapes, and bytes of what is read and written", () => {
  const { graph } = trace(
    ({ x, weight, head, table, tokens }: never) => {
      const embedded = takeRows(table, tokens);
      const hidden = add(matMul(add(x, embedded), weight), x);
      return { logits: matMul(hidden, head, { transposeB: true }) };
    },
    {
      x: type(17, 20),
      weight: type(20, 20),
      head: type(vocabulary, 20),
      table: type(7, 20),
      tokens: ids(17),
    },
  );
  const costs = graphCosts(legalize(graph, new Set()), vocabulary);
  expect(costs).toEqual({
    // 17 rows of 20 floats, read and written.
    embedding: { flops: 0, bytes: 2 * 17 * 20 * 4 },
    // Two sums, each of two operands of 340 floats.
    elementwise: { flops: 0, bytes: 2 * 3 * 340 * 4 },
    // [17, 20] x [20, 20]: 2 * 17 * 20 * 20; floats 340 + 400 + 340.
    products: { flops: 13_600, bytes: 1080 * 4 },
    // [17, 20] x [20, 29]: 2 * 17 * 20 * 29; floats 340 + 580 + 493.
    head: { flops: 19_720, bytes: 1413 * 4 },
  });
});

it("tells products of few rows, with the head as well, from others", () => {
  const { graph } = trace(
    ({ x, weight, head }: never) => ({
      logits: matMul(head, matMul(weight, x, { transposeB: true })),
    }),
    { x: type(16, 20), weight: type(20, 20), head: type(vocabulary, 20) },
  );
  expect(graphCosts(legalize(graph, new Set()), vocabulary)).toEqual({
    // [20, 20] x [20, 16] and [29, 20] x [20, 16]: floats 400 + 320 + 320 and 580 + 320 + 464.
    fewRows: { flops: 2 * 16 * 20 * (20 + 29), bytes: (1040 + 1364) * 4 },
  });
});

it("knows attention by its matrix for each row and head, and counts no views", () => {
  const { graph } = trace(
    ({ q, k }: never) => {
      const scores = matMul(transpose(q, [0, 2, 1, 3]), transpose(k, [0, 2, 1, 3]), { transposeB: true });
      return { flat: reshape(softmax(scores), [2, 3 * 4 * 4]) };
    },
    { q: type(2, 4, 3, 5), k: type(2, 4, 3, 5) },
  );
  const costs = graphCosts(legalize(graph, new Set(["softmax"])), vocabulary);
  // Two transposes of 120 floats; 6 products [4, 5] x [5, 4] of 120 + 120 + 96 floats; softmax of 96.
  expect(costs).toEqual({
    attention: { flops: 6 * 2 * 4 * 5 * 4, bytes: (2 * 240 + 336 + 192) * 4 },
  });
});

it("counts rows that are moved around attention there, on a backend that knows only takes of rows", async () => {
  const { graph } = trace(
    ({ table, tokens, ids, places }: never) => {
      const real = takeRows(table, tokens);
      return { back: collectRows(spreadRows(real, ids, places), places, ids) };
    },
    { table: type(7, 5), tokens: ids(3), ids: ids(4), places: ids(3) },
  );
  const backend = countingBackend(new Set(), vocabulary);
  await (await backend.compile(graph)).run([]);
  expect(backend.takeCosts()).toEqual({
    // 3 rows of 5 floats, read and written.
    embedding: { flops: 0, bytes: 2 * 3 * 5 * 4 },
    // 4 rows for attention, 3 after it.
    attention: { flops: 0, bytes: 2 * (4 + 3) * 5 * 4 },
  });
});

it("counts free sizes as they are in a run", async () => {
  const backend = countingBackend(new Set(), vocabulary);
  const double = compileFunction(
    backend,
    ({ x, weight }: { readonly x: Tensor; readonly weight: Tensor }) => ({ y: matMul(x, weight) }),
    { dynamic: { x: ["rows", null] } },
  );
  const weight = float32(new Float32Array(5 * 18), [5, 18]);
  for (const rows of [17, 34]) {
    const { y } = await double({ x: float32(new Float32Array(5 * rows), [rows, 5]), weight });
    expect(y.type.shape).toEqual([rows, 18]);
    expect(backend.takeCosts()).toEqual({
      products: { flops: 2 * rows * 5 * 18, bytes: (rows * 5 + 5 * 18 + rows * 18) * 4 },
    });
  }
});

it("adds up", () => {
  const one = { head: { flops: 1, bytes: 2 } };
  expect(addCosts(one, { head: { flops: 10, bytes: 20 }, loss: { flops: 0, bytes: 5 } }, 3)).toEqual({
    head: { flops: 31, bytes: 62 },
    loss: { flops: 0, bytes: 15 },
  });
});
