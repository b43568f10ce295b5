import { matMul, type Tensor, trace } from "@alignkit/core";
import { expect, it } from "vitest";
import { makePlan } from "../plan.js";

const productOps = (
  shapes: { a: readonly number[]; b: readonly number[] },
  hasOneDnn: boolean,
  transposes: { transposeA?: boolean; transposeB?: boolean } = {},
) => {
  const { graph } = trace(({ a, b }: { a: Tensor; b: Tensor }) => ({ c: matMul(a, b, transposes) }), {
    a: { dtype: "float32", shape: shapes.a },
    b: { dtype: "float32", shape: shapes.b },
  });
  return makePlan(graph, new Set(), { isGpu: false, hasOneDnn }).nodes.flatMap(({ op }) =>
    op.includes("MatMul") ? op : [],
  );
};

it("gives products of more than 64 rows to oneDNN, where TensorFlow has its operators", () => {
  const many = { a: [65, 7], b: [7, 5] };
  expect(productOps(many, true)).toEqual(["_MklMatMul"]);
  expect(productOps(many, false)).toEqual(["MatMul"]);
  expect(productOps({ a: [64, 7], b: [7, 5] }, true)).toEqual(["MatMul"]);
  const stacked = { a: [2, 65, 7], b: [2, 7, 5] };
  expect(productOps(stacked, true)).toEqual(["_MklBatchMatMulV2"]);
  expect(productOps(stacked, false)).toEqual(["BatchMatMulV2"]);
});

it("has oneDNN take a transposed second matrix with the operator for many, which is faster at that alone", () => {
  const byTransposed = { a: [65, 7], b: [5, 7] };
  expect(productOps(byTransposed, true, { transposeB: true })).toEqual(["_MklBatchMatMulV2"]);
  expect(productOps(byTransposed, false, { transposeB: true })).toEqual(["MatMul"]);
  expect(productOps({ a: [7, 65], b: [7, 5] }, true, { transposeA: true })).toEqual(["_MklMatMul"]);
});
