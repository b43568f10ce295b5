import type { DType, Operation, OpName } from "@alignkit/core";
import type { ElementType } from "../ort-api.js";
import { elementTypes } from "../ort-api.js";
import { product } from "./linear.js";
import type { Lower, Lowering, LowerTable } from "./lowering.js";

/** One node with one operand. */
const unary =
  (op: string): Lower<OpName> =>
  (lowering, { inputs: [x] }) => [lowering.emit(op, [lowering.name(x!)])];

/** One node whose operands broadcast. */
const pairwise =
  (op: string): Lower<OpName> =>
  (lowering, { inputs }) => [lowering.emit(op, lowering.operands(inputs))];

const castNode = (lowering: Lowering, name: string, dtype: DType): string => {
  const to: ElementType = dtype;
  return lowering.emit("Cast", [name], { attributes: { to: { int: elementTypes[to] } } });
};

export const elementwise = {
  neg: unary("Neg"),
  abs: unary("Abs"),
  exp: unary("Exp"),
  log: unary("Log"),
  sqrt: unary("Sqrt"),
  tanh: unary("Tanh"),
  sigmoid: unary("Sigmoid"),
  erf: unary("Erf"),
  sin: unary("Sin"),
  cos: unary("Cos"),
  not: unary("Not"),
  cast: (lowering, { inputs: [x], attributes: { dtype } }) => [castNode(lowering, lowering.name(x!), dtype)],
  /**
   * A reshape to the same shape, chosen between that shape and itself by an element of the other: ONNX Runtime neither
   * folds it nor moves it before what it reads, and the value stays where it is.
   */
  barrier: (lowering, { inputs: [x, after] }) => {
    const flat = lowering.emit("Reshape", [lowering.name(after!), lowering.int64s([-1])]);
    const first = lowering.emit("Gather", [flat, lowering.int64(0)], { attributes: { axis: { int: 0 } } });
    const shape = lowering.reshapeTarget(lowering.sizesOf(x!));
    const chosen = lowering.emit("Where", [castNode(lowering, first, "bool"), shape, shape]);
    return [lowering.emit("Reshape", [lowering.name(x!), chosen])];
  },

  add: (lowering, operation) => {
    const fused = lowering.fusions.biased.get(operation);
    if (fused !== undefined) return [product(lowering, fused.product, { bias: fused.bias })];
    const joined = lowering.fusions.joined.get(operation);
    if (joined !== undefined) {
      const attributes = { axis: { int: joined.axis } };
      return [lowering.emit("Concat", joined.parts.map(lowering.name), { attributes })];
    }
    return pairwise("Add")(lowering, operation);
  },
  sub: (lowering, { inputs: [a, b] }) => {
    const scalar =
      a!.operation.op === "fill" ? (a!.operation as Operation<"fill">).attributes.value : undefined;
    if (scalar === undefined || b!.shape.length === 0)
      return [lowering.emit("Sub", lowering.operands([a!, b!]))];
    // Sub(scalar, tensor) runs on one thread and many times slower than its kin.
    const negated = lowering.emit("Neg", [lowering.name(b!)]);
    return [scalar === 0 ? negated : lowering.emit("Add", [negated, lowering.scalar(scalar, b!.dtype)])];
  },
  mul: (lowering, operation) => {
    const fused = lowering.fusions.scaled.get(operation);
    if (fused !== undefined) return [product(lowering, fused.product, { factor: fused.factor })];
    return pairwise("Mul")(lowering, operation);
  },
  div: pairwise("Div"),
  maximum: pairwise("Max"),
  minimum: pairwise("Min"),
  equal: pairwise("Equal"),
  less: pairwise("Less"),
  lessEqual: pairwise("LessOrEqual"),
  and: pairwise("And"),
  or: pairwise("Or"),
  select: pairwise("Where"),
  gelu: (lowering, { inputs: [x], attributes: { approximate } }) => [
    lowering.emit("Gelu", [lowering.name(x!)], { attributes: { approximate: { string: approximate } } }),
  ],
} satisfies LowerTable;
