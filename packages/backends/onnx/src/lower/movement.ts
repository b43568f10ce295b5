import type { DType, Operation } from "@alignkit/core";
import { sizeOf } from "@alignkit/core";
import { evaluateSize, type Size } from "../dimensions.js";
import { elementTypes } from "../ort-api.js";
import type { Lowering, LowerTable } from "./lowering.js";

const isFixed = (sizes: readonly Size[]): sizes is readonly number[] =>
  sizes.every((size) => typeof size === "number");

/** A value repeated over a shape. */
function filled(lowering: Lowering, value: number, dtype: DType, sizes: readonly Size[]): string {
  const scalar = lowering.scalar(value, dtype);
  return sizes.length === 0 ? scalar : lowering.emit("Expand", [scalar, lowering.shape(sizes)]);
}

export const movement = {
  constant: (lowering, { attributes: { value } }) => [
    lowering.initializer(
      Buffer.from(value.data.buffer, value.data.byteOffset, value.data.byteLength),
      value.type.dtype,
      value.type.shape,
    ),
  ],
  fill: (lowering, operation) => {
    const { type, value } = operation.attributes;
    const sizes = lowering.sizes(operation, (twin) => (twin as Operation<"fill">).attributes.type.shape);
    return [filled(lowering, value, type.dtype, sizes)];
  },
  iota: (lowering, operation) => {
    const { axis } = operation.attributes;
    const sizes = lowering.sizes(operation, (twin) => (twin as Operation<"iota">).attributes.shape);
    const size = sizes[axis] as Size;
    const line = sizes.map((_, other) => (other === axis ? -1 : 1));
    if (isFixed(sizes)) {
      const indices = Int32Array.from({ length: evaluateSize(size, new Map()) }, (_, index) => index);
      const row = lowering.initializer(
        indices,
        "int32",
        line.map((entry) => (entry === -1 ? indices.length : 1)),
      );
      return [sizeOf(sizes) === indices.length ? row : lowering.emit("Expand", [row, lowering.shape(sizes)])];
    }
    const limit = lowering.emit("Reshape", [lowering.shape([size]), lowering.int64s([])]);
    const range = lowering.emit("Range", [lowering.int64(0), limit, lowering.int64(1)]);
    const indices = lowering.emit("Cast", [range], { attributes: { to: { int: elementTypes.int32 } } });
    const row = lowering.emit("Reshape", [indices, lowering.int64s(line)]);
    return [sizes.length === 1 ? row : lowering.emit("Expand", [row, lowering.shape(sizes)])];
  },
  reshape: (lowering, operation) => {
    const sizes = lowering.sizes(operation, (twin) => (twin as Operation<"reshape">).attributes.shape);
    return [lowering.emit("Reshape", [lowering.name(operation.inputs[0]!), lowering.reshapeTarget(sizes)])];
  },
  broadcastTo: (lowering, operation) => {
    const sizes = lowering.sizes(operation, (twin) => (twin as Operation<"broadcastTo">).attributes.shape);
    return [lowering.emit("Expand", [lowering.name(operation.inputs[0]!), lowering.shape(sizes)])];
  },
  transpose: (lowering, operation) => {
    const { permutation } = operation.attributes;
    const x = lowering.name(operation.inputs[0]!);
    return [lowering.emit("Transpose", [x], { attributes: { perm: { ints: permutation } } })];
  },
  slice: (lowering, operation) => {
    const [x] = operation.inputs;
    const starts = lowering.sizes(operation, (twin) => (twin as Operation<"slice">).attributes.starts);
    const ends = lowering.sizes(operation, (twin) => (twin as Operation<"slice">).attributes.ends);
    const cut = x!.shape.flatMap((size, axis) =>
      starts[axis] === 0 && operation.attributes.ends[axis] === size ? [] : [axis],
    );
    if (cut.length === 0) return [lowering.emit("Identity", [lowering.name(x!)])];
    const pick = (list: readonly Size[]) => lowering.shape(cut.map((axis) => list[axis] as Size));
    return [lowering.emit("Slice", [lowering.name(x!), pick(starts), pick(ends), lowering.int64s(cut)])];
  },
  pad: (lowering, operation) => {
    const [x] = operation.inputs;
    const pads = lowering.sizes(operation, (twin) => {
      const { before, after } = (twin as Operation<"pad">).attributes;
      return [...before, ...after];
    });
    return [lowering.emit("Pad", [lowering.name(x!), lowering.shape(pads), lowering.scalar(0, x!.dtype)])];
  },
  concat: (lowering, { inputs, attributes: { axis } }) => [
    lowering.emit("Concat", inputs.map(lowering.name), { attributes: { axis: { int: axis } } }),
  ],
} satisfies LowerTable;
