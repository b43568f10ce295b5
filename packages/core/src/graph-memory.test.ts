import { describe, expect, it } from "vitest";
import { intermediateBytes } from "./graph-memory.js";
import { add, exp, matMul, reshape, type Tensor } from "./index.js";
import { trace } from "./trace.js";

const square = { dtype: "float32", shape: [10, 10] } as const;
/** Bytes of one such matrix. */
const one = 400;
const bytesOf = (body: (x: Tensor) => Tensor) => intermediateBytes(trace(body as never, square).graph);

describe("intermediateBytes", () => {
  it("counts neither inputs nor outputs", () => {
    expect(bytesOf((x) => matMul(x, x))).toBe(0);
  });

  it("counts what is alive at once, not what was", () => {
    // Of a chain of products each result is read by the next one only; the last is the output.
    expect(bytesOf((x) => matMul(matMul(x, x), x))).toBe(one);
    expect(bytesOf((x) => matMul(matMul(matMul(matMul(x, x), x), x), x))).toBe(2 * one);
    // The first is read again at the end.
    expect(
      bytesOf((x) => {
        const kept = matMul(x, x);
        return matMul(matMul(matMul(matMul(kept, x), x), x), kept);
      }),
    ).toBe(3 * one);
  });

  it("lets an elementwise result take over the memory of its operand", () => {
    expect(bytesOf((x) => matMul(exp(exp(exp(matMul(x, x)))), x))).toBe(one);
    // Not when the operand is read again.
    expect(
      bytesOf((x) => {
        const kept = matMul(x, x);
        return matMul(add(exp(kept), kept), x);
      }),
    ).toBe(2 * one);
  });

  it("takes another shape for the same memory", () => {
    expect(bytesOf((x) => matMul(reshape(reshape(matMul(x, x), [100]), [10, 10]), x))).toBe(one);
  });
});
