import { sizeOf, type Tensor } from "@alignkit/core";
import type { Node } from "../saved-model-proto.js";
import { type Attributes, type Lowering, type LowerTable, type } from "./lowering.js";

/** So many rows are few, as in decoding. */
const fewRows = 64;

/**
 * What a product is called and told; oneDNN's operators, which TensorFlow itself puts in place of its own, are labelled.
 * The one for many matrices takes a transposed second one faster, also alone, 446 GFLOP/s instead of 406 for a head of
 * 50257 x 768, and what lies otherwise slower.
 */
function productNode(rank: number, [transposeA, transposeB]: readonly [boolean, boolean], isOneDnn: boolean) {
  const isSingle = rank === 2 && !(isOneDnn && transposeB && !transposeA);
  const [op, first, second] = isSingle
    ? ["MatMul", "transpose_a", "transpose_b"]
    : ["BatchMatMulV2", "adj_x", "adj_y"];
  const attributes: Attributes = {
    T: type("float32"),
    [first as string]: { bool: transposeA },
    [second as string]: { bool: transposeB },
    ...(isOneDnn ? { _kernel: { string: "MklNameChangeOp" } } : {}),
  };
  return { op: isOneDnn ? `_Mkl${op}` : (op as string), attributes };
}

/** Loads where TensorFlow has oneDNN's operators of products, as on x86. */
export const oneDnnProbe: readonly Node[] = [
  {
    name: "x",
    op: "Placeholder",
    inputs: [],
    attributes: { dtype: type("float32"), shape: { shape: [2, 2] } },
  },
  ...[2, 3].map((rank) => ({
    name: `product_${rank}`,
    inputs: ["x", "x"],
    ...productNode(rank, [false, false], true),
  })),
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
  const { op, attributes } = productNode(rank, transposes, lowering.target.hasOneDnn && rows > fewRows);
  return lowering.emit(op, operands, attributes);
}

/**
 * Rows `x` times a transposed `weight`. TensorFlow repacks the second matrix, element by element where it is transposed.
 * Where that costs more than turning the result, the weight comes first, `x W' = (W x')'`: few rows take half the time,
 * 512 by a head of 50257 x 768 take 0.7 of it. oneDNN's operator takes many rows as they lie. A weight that was turned before
 * is faster still: 8 rows by a head of 8192 x 256 take 0.52 of the time.
 */
function byTransposed(lowering: Lowering, x: string, matrix: Tensor, count: number): string {
  const [outputs, inputs] = matrix.shape as readonly [number, number];
  const before = lowering.turned(matrix);
  if (before !== undefined) return product(lowering, [x, before], [2, count], [false, false]);
  const weight = lowering.name(matrix);
  const isWide = !lowering.target.hasOneDnn && count <= inputs && inputs < outputs;
  if (count > fewRows && !isWide) return product(lowering, [x, weight], [2, count], [false, true]);
  const { op, attributes } = productNode(2, [false, true], false);
  const turned = lowering.emit(op, [weight, x], attributes);
  return lowering.emit("Transpose", [turned, lowering.ints([1, 0])], {
    T: type("float32"),
    Tperm: type("int32"),
  });
}

export const linear = {
  matMul: (lowering, { inputs: [a, b], attributes: { transposeA, transposeB } }) => {
    const [rank, rows] = [a!.shape.length, a!.shape.at(transposeA ? -1 : -2) as number];
    if (rank === 2 && !transposeA && transposeB) return [byTransposed(lowering, lowering.name(a!), b!, rows)];
    const operands = [lowering.name(a!), lowering.name(b!)] as const;
    return [product(lowering, operands, [rank, rows], [transposeA, transposeB])];
  },
  linear: (lowering, { inputs: [x, weight, bias], attributes: { transposeWeight }, types }) => {
    const width = x!.shape.at(-1) as number;
    const count = sizeOf(x!.shape) / width;
    const isMatrix = x!.shape.length === 2;
    const rows = isMatrix
      ? lowering.name(x!)
      : lowering.reshape(lowering.name(x!), "float32", [count, width]);
    let result = transposeWeight
      ? byTransposed(lowering, rows, weight!, count)
      : product(lowering, [rows, lowering.name(weight!)], [2, count], [false, false]);
    // A node of its own, which TensorFlow melts into the product.
    if (bias !== undefined)
      result = lowering.emit("BiasAdd", [result, lowering.name(bias)], { T: type("float32") });
    return [isMatrix ? result : lowering.reshape(result, "float32", types[0]!.shape)];
  },
} satisfies LowerTable;
