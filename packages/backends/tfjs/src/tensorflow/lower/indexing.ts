import { int32, type Shape, sizeOf } from "@alignkit/core";
import { type Lowering, type LowerTable, type } from "./lowering.js";

const int = type("int32");

/** Positions `[N, 2]` of the id of each of N rows. */
function placesOf(lowering: Lowering, ids: string, count: number): string {
  const rows = lowering.constant(
    int32(
      Int32Array.from({ length: count }, (_, row) => row),
      [count],
    ),
  );
  const flat = lowering.reshape(ids, "int32", [count]);
  return lowering.emit("Pack", [rows, flat], { N: { int: 2 }, T: int, axis: { int: 1 } });
}

const asRows = (shape: Shape): readonly [number, number] => {
  const width = shape.at(-1) as number;
  return [sizeOf(shape) / width, width];
};

export const indexing = {
  takeRows: (lowering, { inputs: [table, ids] }) => [
    lowering.emit("GatherV2", [lowering.name(table!), lowering.name(ids!), lowering.scalar(0, "int32")], {
      Tparams: type(table!.dtype),
      Tindices: int,
      Taxis: int,
    }),
  ],
  // In place where nothing else reads the base.
  scatterAddRows: (lowering, { inputs: [base, ids, rows] }) => {
    const column = lowering.reshape(lowering.name(ids!), "int32", [...ids!.shape, 1]);
    return [
      lowering.emit("TensorScatterAdd", [lowering.name(base!), column, lowering.name(rows!)], {
        T: type(base!.dtype),
        Tindices: int,
      }),
    ];
  },
  takeAlongLast: (lowering, { inputs: [x, ids], types }) => {
    const [count, width] = asRows(x!.shape);
    const rows = lowering.reshape(lowering.name(x!), x!.dtype, [count, width]);
    const places = placesOf(lowering, lowering.name(ids!), count);
    const taken = lowering.emit("GatherNd", [rows, places], { Tparams: type(x!.dtype), Tindices: int });
    return [lowering.reshape(taken, x!.dtype, types[0]!.shape)];
  },
  scatterAlongLast: (lowering, { inputs: [values, ids], attributes: { size }, types }) => {
    const count = sizeOf(values!.shape);
    const places = placesOf(lowering, lowering.name(ids!), count);
    const flat = lowering.reshape(lowering.name(values!), values!.dtype, [count]);
    const inputs = [places, flat, lowering.ints([count, size])];
    const scattered = lowering.emit("ScatterNd", inputs, { T: type(values!.dtype), Tindices: int });
    return [lowering.reshape(scattered, values!.dtype, types[0]!.shape)];
  },
  updateSlice: (lowering, { inputs: [base, update, start], attributes: { axis } }) => {
    const add = (name: string, values: readonly number[]): string =>
      lowering.emit("AddV2", [name, lowering.ints(values)], { T: int });
    const { shape } = base!;
    // `start` at the axis, 0 elsewhere.
    const at = shape.map((_, other) => Number(other === axis));
    const begin = lowering.emit("Mul", [lowering.name(start!), lowering.ints(at)], { T: int });
    const end = add(begin, update!.shape);
    const strides = lowering.ints(shape.map(() => 1));
    return [
      lowering.emit(
        "TensorStridedSliceUpdate",
        [lowering.name(base!), begin, end, strides, lowering.name(update!)],
        { T: type(base!.dtype), Index: int },
      ),
    ];
  },
} satisfies LowerTable;
