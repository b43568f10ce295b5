import { int32, type Shape, sizeOf, type Tensor } from "@alignkit/core";
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

/** Whether whoever reads a value may write over it: it lies in memory of its own and has no other reader. */
const isFree = (lowering: Lowering, tensor: Tensor): boolean =>
  ["matMul", "scatterAddRows"].includes(tensor.operation.op) && lowering.isReadOnce(tensor);

/** Whether ids are an input, so that they are checked before a run. */
const isGiven = ({ operation: { op, inputs } }: Tensor): boolean =>
  op === "input" || (op === "reshape" && isGiven(inputs[0]!));

export const indexing = {
  takeRows: (lowering, { inputs: [table, ids] }) => [
    lowering.emit("GatherV2", [lowering.name(table!), lowering.name(ids!), lowering.scalar(0, "int32")], {
      Tparams: type(table!.dtype),
      Tindices: int,
      Taxis: int,
    }),
  ],
  // `TensorScatterAdd` copies the base, 154 MB of a head of 50257 x 768. `InplaceAdd` writes into it, and checks no ids;
  // on a GPU it adds rows of one id at once, and loses some.
  scatterAddRows: (lowering, { inputs: [base, ids, rows] }) => {
    if (!lowering.target.isGpu && isFree(lowering, base!) && isGiven(ids!)) {
      const inputs = [base!, ids!, rows!].map(lowering.name);
      return [lowering.emit("InplaceAdd", inputs, { T: type(base!.dtype) })];
    }
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
  // Row by row: TensorStridedSliceUpdate goes element by element, 4 % of decoding's processor time at 5M parameters.
  updateSlice: (lowering, { inputs: [base, update, start], attributes: { axis } }) => {
    const { shape, dtype } = base!;
    const [size, length] = [shape[axis] as number, update!.shape[axis] as number];
    const [blocks, width] = [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis + 1))];
    const line = (count: number, step: number, lineShape: Shape): string =>
      lowering.constant(
        int32(
          Int32Array.from({ length: count }, (_, index) => index * step),
          lineShape,
        ),
      );
    const add = (a: string, b: string): string => lowering.emit("AddV2", [a, b], { T: int });
    const places = add(
      line(blocks, size, [blocks, 1]),
      add(line(length, 1, [length]), lowering.name(start!)),
    );
    const inputs = [
      lowering.reshape(lowering.name(base!), dtype, [blocks * size, width]),
      lowering.reshape(places, "int32", [blocks * length, 1]),
      lowering.reshape(lowering.name(update!), dtype, [blocks * length, width]),
    ];
    const written = lowering.emit("TensorScatterUpdate", inputs, { T: type(dtype), Tindices: int });
    return [lowering.reshape(written, dtype, shape)];
  },
} satisfies LowerTable;
