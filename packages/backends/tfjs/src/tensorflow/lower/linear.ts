import { sizeOf } from "@alignkit/core";
import type { Node } from "../saved-model-proto.js";
import { type Attributes, type Lowering, type LowerTable, type } from "./lowering.js";

/** So many rows are few, as in decoding. */
const fewRows = 64;

const matrices = ([transposeA, transposeB]: readonly [boolean, boolean]): Attributes => ({
  T: type("float32"),
  transpose_a: { bool: transposeA },
  transpose_b: { bool: transposeB },
});

/** oneDNN's operator, which TensorFlow itself only puts in place of its own; its kernels bear a label. */
const oneDnn = {
  op: "_MklMatMul",
  attributes: (transposes: readonly [boolean, boolean]): Attributes => ({
    ...matrices(transposes),
    _kernel: { string: "MklNameChangeOp" },
  }),
};

/** Can be loaded where the operator is: TensorFlow has it on x86 alone. */
export const oneDnnProbe: readonly Node[] = [
  {
    name: "x",
    op: "Placeholder",
    inputs: [],
    attributes: { dtype: type("float32"), shape: { shape: [2, 2] } },
  },
  { name: "product", op: oneDnn.op, inputs: ["x", "x"], attributes: oneDnn.attributes([false, false]) },
];

/**
 * A product of matrices, or of equally many of them.
 * @param rows - of the result, of each matrix
 */
export function product(
  lowering: Lowering,
  operands: readonly [string, string],
  [rank, rows]: readonly [number, number],
  transposes: readonly [boolean, boolean],
): string {
  if (rank === 2) {
    if (lowering.hasOneDnn && rows > fewRows)
      return lowering.emit(oneDnn.op, operands, oneDnn.attributes(transposes));
    return lowering.emit("MatMul", operands, matrices(transposes));
  }
  const [adj_x, adj_y] = transposes;
  return lowering.emit("BatchMatMulV2", operands, {
    T: type("float32"),
    adj_x: { bool: adj_x },
    adj_y: { bool: adj_y },
  });
}

/**
 * Rows `x` times a transposed `weight`. TensorFlow repacks the second matrix, element by element where it is transposed.
 * Where that costs more than turning the result, the weight comes first, `x W' = (W x')'`: few rows take half the time,
 * 512 by a head of 50257 x 768 take 0.7 of it. oneDNN's operator takes many rows as they lie.
 */
function byTransposed(
  lowering: Lowering,
  [x, weight]: readonly [string, string],
  count: number,
  [outputs, inputs]: readonly [number, number],
): string {
  const isWide = !lowering.hasOneDnn && count <= inputs && inputs < outputs;
  if (count > fewRows && !isWide) return product(lowering, [x, weight], [2, count], [false, true]);
  const turned = lowering.emit("MatMul", [weight, x], matrices([false, true]));
  return lowering.emit("Transpose", [turned, lowering.ints([1, 0])], {
    T: type("float32"),
    Tperm: type("int32"),
  });
}

export const linear = {
  matMul: (lowering, { inputs: [a, b], attributes: { transposeA, transposeB } }) => {
    const operands = [lowering.name(a!), lowering.name(b!)] as const;
    const [rank, rows] = [a!.shape.length, a!.shape.at(transposeA ? -1 : -2) as number];
    return rank === 2 && !transposeA && transposeB
      ? [byTransposed(lowering, operands, rows, b!.shape as readonly [number, number])]
      : [product(lowering, operands, [rank, rows], [transposeA, transposeB])];
  },
  linear: (lowering, { inputs: [x, weight, bias], attributes: { transposeWeight }, types }) => {
    const width = x!.shape.at(-1) as number;
    const count = sizeOf(x!.shape) / width;
    const isMatrix = x!.shape.length === 2;
    const rows = isMatrix
      ? lowering.name(x!)
      : lowering.reshape(lowering.name(x!), "float32", [count, width]);
    const operands = [rows, lowering.name(weight!)] as const;
    let result = transposeWeight
      ? byTransposed(lowering, operands, count, weight!.shape as readonly [number, number])
      : product(lowering, operands, [2, count], [false, false]);
    // A node of its own, which TensorFlow melts into the product.
    if (bias !== undefined)
      result = lowering.emit("BiasAdd", [result, lowering.name(bias)], { T: type("float32") });
    return [isMatrix ? result : lowering.reshape(result, "float32", types[0]!.shape)];
  },
} satisfies LowerTable;
