import {
  adamWStep,
  add,
  broadcast,
  type CompositeName,
  cachedAttention,
  exp,
  gradients,
  input,
  legalize,
  linear,
  matMul,
  mean,
  pad,
  reshape,
  slice,
  softmax,
  square,
  sum,
  sumSquares,
  type Tensor,
  takeRows,
  transpose,
} from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { wholeComposites } from "./lower/table.js";
import type { Node } from "./model-proto.js";
import { makePlan, type Plan } from "./plan.js";

const supports = new Set<CompositeName>([...wholeComposites, "adamWUpdate"]);
const cached = new Set<CompositeName>([...supports, "cachedAttention"]);
const real = (name: string, ...shape: number[]): Tensor => input(name, { dtype: "float32", shape });

function plan(inputs: readonly Tensor[], outputs: readonly Tensor[], hostWork = true): Plan {
  return makePlan(legalize({ inputs, outputs }, supports), undefined, [], hostWork ? "with_host" : "alone");
}

function print({ steps }: Plan): string {
  const line = ({ op, inputs, outputs, attributes = {} }: Node): string => {
    const settings = Object.keys(attributes).length === 0 ? "" : ` ${JSON.stringify(attributes)}`;
    return `  ${outputs.join()} = ${op}(${inputs.join()})${settings}`;
  };
  return steps
    .map((step) =>
      step.kind === "host"
        ? `host ${step.operation.op}`
        : ["model", ...step.lowered.model.nodes.map(line)].join("\n"),
    )
    .join("\n");
}

describe("plans", () => {
  it("melt a bias into its product, and leave broadcasts to ONNX", () => {
    const [x, weight, bias] = [real("x", 5, 4), real("weight", 3, 4), real("bias", 3)];
    expect(print(plan([x, weight, bias], [square(linear(x, weight, bias))]))).toMatchInlineSnapshot(`
      "model
        v4 = Gemm(v2,v3,v0) {"transA":{"int":0},"transB":{"int":1}}
        v5 = Mul(v4,v4)"
    `);
  });

  it("melt a column into its product", () => {
    const [weight, x, bias] = [real("weight", 3, 4), real("x", 5, 4), real("bias", 3, 1)];
    const product = matMul(weight, x, { transposeB: true });
    expect(print(plan([weight, x, bias], [add(product, broadcast(bias, [3, 5]))]))).toMatchInlineSnapshot(`
      "model
        v3 = Gemm(v0,v1,v2) {"transA":{"int":0},"transB":{"int":1}}"
    `);
  });

  it("add up columns by one row of ones, and rows as they are", () => {
    const [x, y] = [real("x", 5, 4), real("y", 5, 3)];
    const outputs = [sum(x, 0), sum(y, 0), sum(x, 1)];
    expect(print(plan([x, y], outputs))).toMatchInlineSnapshot(`
      "model
        v0 = Expand(float32_1,i64_1_5)
        v2 = MatMul(v0,v1)
        v3 = Reshape(v2,i64_4)
        v5 = MatMul(v0,v4)
        v6 = Reshape(v5,i64_3)
        v7 = ReduceSum(v1,i64_1) {"keepdims":{"int":1}}
        v8 = Reshape(v7,i64_5)"
    `);
  });

  it("put copies that nothing reads behind the rest, the first that can be made last", () => {
    const x = real("x", 5);
    const first = exp(x);
    const second = exp(first);
    const padded = (tensor: Tensor) => pad(tensor, [1], [0]);
    const outputs = [padded(first), padded(second), exp(padded(exp(second)))];
    expect(print(plan([x], outputs))).toMatchInlineSnapshot(`
      "model
        v1 = Exp(v0)
        v3 = Exp(v1)
        v5 = Exp(v3)
        v6 = Pad(v5,i64_1_0,float32_0)
        v7 = Exp(v6)
        v4 = Pad(v3,i64_1_0,float32_0)
        v2 = Pad(v1,i64_1_0,float32_0)"
    `);
  });

  it("join the gradients of slices", () => {
    const x = real("x", 5, 7);
    const parts = [slice(x, 1, 0, 2), slice(x, 1, 2, 7)] as const;
    const loss = add(sum(square(parts[0])), sum(square(softmax(parts[1]))));
    const [gradient] = gradients(loss, [x]);
    const ops = plan([x], [gradient as Tensor]).steps.flatMap((step) =>
      step.kind === "model" ? step.lowered.model.nodes.map((node) => node.op) : [],
    );
    expect(ops).toContain("Concat");
    expect(ops).not.toContain("Pad");
  });

  it("hand a projection that holds queries, keys and values to attention whole", () => {
    const row = real("row", 3, 48);
    const past = [real("keys", 3, 2, 5, 8), real("values", 3, 2, 5, 8)] as const;
    const lengths = input("lengths", { dtype: "int32", shape: [3] });
    const attend = (ends: readonly [number, number]) => {
      const [queries, keys, values] = [slice(row, 1, 0, 16), slice(row, 1, ...ends), slice(row, 1, 32, 48)];
      const { attended } = cachedAttention(
        { queries, keys, values } as Record<"queries" | "keys" | "values", Tensor>,
        { keys: past[0], values: past[1] },
        lengths,
        { scale: 1, slidingWindow: null },
      );
      const graph = legalize({ inputs: [row, ...past, lengths], outputs: [attended] }, cached);
      const { steps } = makePlan(graph, undefined, [], "with_host");
      return steps.flatMap((step) =>
        step.kind === "model" ? step.lowered.model.nodes.map((node) => node.op) : [],
      );
    };
    expect(attend([16, 32])).not.toContain("Slice");
    expect(attend([8, 24])).toContain("Slice");
  });

  it("run a gradient as one model and add scattered rows to zeros after it", () => {
    const [table, ids] = [real("table", 9, 4), input("ids", { dtype: "int32", shape: [3] })];
    const loss = mean(square(takeRows(table, ids)));
    const [gradient] = gradients(loss, [table]);
    const { steps } = plan([table, ids], [loss, gradient as Tensor]);
    expect(steps.map((step) => (step.kind === "host" ? step.operation.op : step.kind))).toEqual([
      "model",
      "fill",
      "scatterAddRows",
    ]);
  });

  it("run an optimizer on the host alone", () => {
    const names = ["p", "g", "m", "v"] as const;
    const [p, g, m, v] = names.map((name) => real(name, 3, 4)) as [Tensor, Tensor, Tensor, Tensor];
    const scalarNames = ["learningRate", "stepSize", "denominatorScale", "gradientScale"] as const;
    const scalars = Object.fromEntries(scalarNames.map((name) => [name, real(name)]));
    const settings = {
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
      decays: () => false,
      epsilonForm: "pytorch",
      maxGradNorm: undefined,
    } as const;
    const state = { parameters: { w: p }, m: { w: m }, v: { w: v } };
    const after = adamWStep(settings, state, { w: g }, scalars as never);
    const outputs = [after.parameters, after.m, after.v].map((group) => group.w as Tensor);
    expect(print(plan([p, g, m, v, ...Object.values(scalars)], outputs))).toBe("host adamWUpdate");
  });

  it("leave a host op to the model where the model reads its result, and everything where there is no host work", () => {
    const x = real("x", 3, 4);
    expect(print(plan([x], [square(sumSquares(x))]))).toMatchInlineSnapshot(`
      "model
        v1 = ReduceSumSquare(v0) {"keepdims":{"int":0}}
        v2 = Mul(v1,v1)"
    `);
    expect(print(plan([x], [sumSquares(x)]))).toBe("host sumSquares");
    expect(print(plan([x], [sumSquares(x)], false))).toMatchInlineSnapshot(`
      "model
        v1 = ReduceSumSquare(v0) {"keepdims":{"int":0}}"
    `);
  });

  it("name the operation that depends on a free size", () => {
    const trace = (time: number) => {
      const x = real("x", time, 4);
      return { inputs: [x], outputs: [mean(x, 0)] };
    };
    expect(() =>
      makePlan(legalize(trace(11), supports), legalize(trace(13), supports), [], "with_host"),
    ).toThrow("onnx: a fill depends on a free size; compute it from iota or pass it as an argument");
  });

  it("refuse a function that does something else at other sizes", () => {
    const trace = (time: number) => {
      const x = real("x", time, 4);
      return { inputs: [x], outputs: [time === 11 ? transpose(x, [1, 0]) : reshape(x, [4, time])] };
    };
    expect(() =>
      makePlan(legalize(trace(11), supports), legalize(trace(13), supports), [], "with_host"),
    ).toThrow("the function does something else at other sizes (transpose and reshape)");
  });
});
