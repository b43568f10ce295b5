import type { OpName } from "@alignkit/core";
import { type Lower, type LowerTable, type } from "./lowering.js";

const reduction =
  (op: string): Lower<"sum" | "max"> =>
  (lowering, { inputs: [x], attributes: { axes } }) => [
    lowering.emit(op, [lowering.name(x!), lowering.ints(axes)], {
      T: type(x!.dtype),
      Tidx: type("int32"),
      keep_dims: { bool: true },
    }),
  ];

const lastAxis =
  (op: string): Lower<OpName> =>
  (lowering, { inputs: [x] }) => [lowering.emit(op, [lowering.name(x!)], { T: type("float32") })];

export const reduce = {
  sum: reduction("Sum"),
  max: reduction("Max"),
  argMax: (lowering, { inputs: [x] }) => [
    lowering.emit("ArgMax", [lowering.name(x!), lowering.scalar(-1, "int32")], {
      T: type(x!.dtype),
      Tidx: type("int32"),
      output_type: type("int32"),
    }),
  ],
  // L2Loss is half of it.
  sumSquares: (lowering, { inputs: [x] }) => [
    lowering.emit(
      "Mul",
      [lowering.emit("L2Loss", [lowering.name(x!)], { T: type("float32") }), lowering.scalar(2, "float32")],
      { T: type("float32") },
    ),
  ],
  softmax: lastAxis("Softmax"),
  logSoftmax: lastAxis("LogSoftmax"),
} satisfies LowerTable;
