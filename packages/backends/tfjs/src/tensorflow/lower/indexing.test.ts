import { matMul, scatterAddRows, type Tensor, trace } from "@alignkit/core";
import { expect, it } from "vitest";
import { makePlan } from "../plan.js";

it("adds rows in place of a product on the CPU, and never on a GPU, which loses rows of one id", () => {
  const { graph } = trace(
    ({ a, b, ids, rows }: { a: Tensor; b: Tensor; ids: Tensor; rows: Tensor }) => ({
      sum: scatterAddRows(matMul(a, b), ids, rows),
    }),
    {
      a: { dtype: "float32", shape: [7, 3] },
      b: { dtype: "float32", shape: [3, 5] },
      ids: { dtype: "int32", shape: [2] },
      rows: { dtype: "float32", shape: [2, 5] },
    },
  );
  const adding = (isGpu: boolean) =>
    makePlan(graph, new Set(), { isGpu, hasOneDnn: false }).nodes.flatMap(({ op }) =>
      op.endsWith("Add") ? op : [],
    );
  expect(adding(false)).toEqual(["InplaceAdd"]);
  expect(adding(true)).toEqual(["TensorScatterAdd"]);
});
