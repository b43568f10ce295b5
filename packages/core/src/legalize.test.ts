import { describe, expect, it } from "vitest";
import {
  add,
  type CompositeName,
  exp,
  gradients,
  legalize,
  linear,
  mul,
  printGraph,
  reshape,
  silu,
  softmax,
  sum,
  type Tensor,
  type Tree,
  trace,
  transpose,
} from "./index.js";

const none: ReadonlySet<CompositeName> = new Set();
const legal = (body: (inputs: { x: Tensor; w: Tensor }) => Tree<Tensor>, supported = none) => {
  const types = { x: { dtype: "float32", shape: [2, 3] }, w: { dtype: "float32", shape: [4, 3] } } as const;
  return printGraph(legalize(trace(body as (inputs: never) => Tree<Tensor>, types).graph, supported));
};

describe("legalize", () => {
  it("decomposes what a backend does not take whole, and leaves the rest", () => {
    expect(legal(({ x }) => silu(x))).toMatchInlineSnapshot(`
      "%0 = input() {"name":"x"} : float32[2,3]
      %1 = input() {"name":"w"} : float32[4,3]
      %2 = sigmoid(%0) : float32[2,3]
      %3 = mul(%0, %2) : float32[2,3]
      return %3"
    `);
    expect(legal(({ x }) => silu(x), new Set<CompositeName>(["silu"]))).toMatchInlineSnapshot(`
      "%0 = input() {"name":"x"} : float32[2,3]
      %1 = input() {"name":"w"} : float32[4,3]
      %2 = silu(%0) : float32[2,3]
      return %2"
    `);
  });

  it("merges equal operations, those of forward and backward pass too", () => {
    const lines = legal(({ x }) => ({ y: softmax(x), g: gradients(sum(mul(softmax(x), x)), [x])[0]! })).split(
      "\n",
    );
    expect(lines.filter((line) => line.includes("= exp("))).toHaveLength(1);
  });

  it("drops what no output needs, and arithmetic with neutral elements", () => {
    expect(
      legal(({ x, w }) => {
        linear(x, w);
        return add(mul(x, 1), 0);
      }),
    ).toMatchInlineSnapshot(`
      "%0 = input() {"name":"x"} : float32[2,3]
      %1 = input() {"name":"w"} : float32[4,3]
      return %0"
    `);
  });

  it("tells apart operations that differ in an attribute only", () => {
    const lines = legal(({ x }) => ({
      a: reshape(x, [3, 2]),
      b: reshape(x, [6]),
      c: reshape(x, [3, 2]),
    })).split("\n");
    expect(lines.filter((line) => line.includes("= reshape("))).toHaveLength(2);
    expect(legal(({ x }) => ({ a: transpose(exp(x), [1, 0]), b: exp(x) })).match(/= exp/g)).toHaveLength(1);
  });

  it("keeps every input, used or not, in order", () => {
    expect(
      legal(({ x }) => exp(x))
        .split("\n")
        .slice(0, 2)
        .map((line) => line.split(" : ")[1]),
    ).toEqual(["float32[2,3]", "float32[4,3]"]);
  });
});
