import { int32, sizeOf } from "@alignkit/core";
import { type LowerTable, type } from "./lowering.js";

export const movement = {
  constant: (lowering, { attributes: { value } }) => [lowering.constant(value)],
  fill: (lowering, { attributes: { type: filled, value } }) => {
    const scalar = lowering.scalar(value, filled.dtype);
    if (filled.shape.length === 0) return [scalar];
    const attributes = { T: type(filled.dtype), index_type: type("int32") };
    return [lowering.emit("Fill", [lowering.ints(filled.shape), scalar], attributes)];
  },
  iota: (lowering, { attributes: { shape, axis } }) => {
    const size = shape[axis] as number;
    const line = shape.map((_, other) => (other === axis ? size : 1));
    const row = lowering.constant(
      int32(
        Int32Array.from({ length: size }, (_, index) => index),
        line,
      ),
    );
    if (sizeOf(shape) === size) return [row];
    const attributes = { T: type("int32"), Tidx: type("int32") };
    return [lowering.emit("BroadcastTo", [row, lowering.ints(shape)], attributes)];
  },
  reshape: (lowering, { inputs: [x], attributes: { shape } }) => [
    lowering.reshape(lowering.name(x!), x!.dtype, shape),
  ],
  broadcastTo: (lowering, { inputs: [x], attributes: { shape } }) => [
    lowering.emit("BroadcastTo", [lowering.name(x!), lowering.ints(shape)], {
      T: type(x!.dtype),
      Tidx: type("int32"),
    }),
  ],
  transpose: (lowering, { inputs: [x], attributes: { permutation } }) => [
    lowering.emit("Transpose", [lowering.name(x!), lowering.ints(permutation)], {
      T: type(x!.dtype),
      Tperm: type("int32"),
    }),
  ],
  slice: (lowering, { inputs: [x], attributes: { starts, ends } }) => [
    lowering.emit(
      "Slice",
      [
        lowering.name(x!),
        lowering.ints(starts),
        lowering.ints(ends.map((end, axis) => end - (starts[axis] as number))),
      ],
      { T: type(x!.dtype), Index: type("int32") },
    ),
  ],
  pad: (lowering, { inputs: [x], attributes: { before, after } }) => {
    const counts = before.flatMap((count, axis) => [count, after[axis] as number]);
    const paddings = lowering.constant(int32(counts, [before.length, 2]));
    const attributes = { T: type(x!.dtype), Tpaddings: type("int32") };
    return [lowering.emit("PadV2", [lowering.name(x!), paddings, lowering.scalar(0, x!.dtype)], attributes)];
  },
  concat: (lowering, { inputs, attributes: { axis } }) => [
    lowering.emit("ConcatV2", [...inputs.map(lowering.name), lowering.scalar(axis, "int32")], {
      N: { int: inputs.length },
      T: type(inputs[0]!.dtype),
      Tidx: type("int32"),
    }),
  ],
} satisfies LowerTable;
