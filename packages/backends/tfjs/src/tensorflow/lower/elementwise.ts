import type { DType, OpName } from "@alignkit/core";
import { type Lower, type Lowering, type LowerTable, type } from "./lowering.js";

/** One node with one operand. */
const unary =
  (op: string): Lower<OpName> =>
  (lowering, { inputs: [x] }) => [lowering.emit(op, [lowering.name(x!)], { T: type(x!.dtype) })];

/** One node whose operands broadcast. */
const pairwise =
  (op: string): Lower<OpName> =>
  (lowering, { inputs }) => [lowering.emit(op, lowering.operands(inputs), { T: type(inputs[0]!.dtype) })];

/** On truth values, which have no type to choose. */
const logical =
  (op: string): Lower<OpName> =>
  (lowering, { inputs }) => [lowering.emit(op, lowering.operands(inputs))];

export const cast = (lowering: Lowering, name: string, from: DType, to: DType): string =>
  lowering.emit("Cast", [name], { SrcT: type(from), DstT: type(to) });

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
  not: logical("LogicalNot"),
  cast: (lowering, { inputs: [x], attributes: { dtype } }) => [
    cast(lowering, lowering.name(x!), x!.dtype, dtype),
  ],
  // Nodes that wait for another are not merged with those that do not.
  barrier: (lowering, { inputs: [x, after] }) => [
    lowering.emit("Identity", [lowering.name(x!), `^${lowering.name(after!).split(":", 1)[0]}`], {
      T: type(x!.dtype),
    }),
  ],

  add: pairwise("AddV2"),
  sub: pairwise("Sub"),
  mul: pairwise("Mul"),
  div: pairwise("RealDiv"),
  maximum: pairwise("Maximum"),
  minimum: pairwise("Minimum"),
  equal: pairwise("Equal"),
  less: pairwise("Less"),
  lessEqual: pairwise("LessEqual"),
  and: logical("LogicalAnd"),
  or: logical("LogicalOr"),
  select: (lowering, { inputs }) => [
    lowering.emit("SelectV2", lowering.operands(inputs), { T: type(inputs[1]!.dtype) }),
  ],
} satisfies LowerTable;
