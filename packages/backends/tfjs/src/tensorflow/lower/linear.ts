import { sizeOf } from "@alignkit/core";
import { type Lowering, type LowerTable, type } from "./lowering.js";

/** A product of matrices, or of equally many of them. */
export function product(
  lowering: Lowering,
  [a, b]: readonly [string, string],
  rank: number,
  [transposeA, transposeB]: readonly [boolean, boolean],
): string {
  const isMatrix = rank === 2;
  return lowering.emit(isMatrix ? "MatMul" : "BatchMatMulV2", [a, b], {
    T: type("float32"),
    [isMatrix ? "transpose_a" : "adj_x"]: { bool: transposeA },
    [isMatrix ? "transpose_b" : "adj_y"]: { bool: transposeB },
  });
}

/** So many rows are few, as in decoding. */
const fewRows = 64;

/**
 * Rows `x` times a transposed `weight`. TensorFlow repacks the second matrix, element by element where it is transposed.
 * Where that costs more than turning the result, the weight comes first, `x W' = (W x')'`: few rows take half the time,
 * 512 by a head of 50257 x 768 take 0.7 of it.
 */
function byTransposed(
  lowering: Lowering,
  [x, weight]: readonly [string, string],
  count: number,
  [outputs, inputs]: readonly [number, number],
): string {
  const turns = count <= fewRows || (count <= inputs && inputs < outputs);
  if (!turns) return product(lowering, [x, weight], 2, [false, true]);
  const turned = product(lowering, [weight, x], 2, [false, true]);
  return lowering.emit("Transpose", [turned, lowering.ints([1, 0])], {
    T: type("float32"),
    Tperm: type("int32"),
  });
}

export const linear = {
  matMul: (lowering, { inputs: [a, b], attributes: { transposeA, transposeB } }) => {
    const matrices = [lowering.name(a!), lowering.name(b!)] as const;
    const [rank, count] = [a!.shape.length, a!.shape[0] as number];
    return rank === 2 && !transposeA && transposeB
      ? [byTransposed(lowering, matrices, count, b!.shape as readonly [number, number])]
      : [product(lowering, matrices, rank, [transposeA, transposeB])];
  },
  linear: (lowering, { inputs: [x, weight, bias], attributes: { transposeWeight }, types }) => {
    const width = x!.shape.at(-1) as number;
    const count = sizeOf(x!.shape) / width;
    const isMatrix = x!.shape.length === 2;
    const rows = isMatrix
      ? lowering.name(x!)
      : lowering.reshape(lowering.name(x!), "float32", [count, width]);
    const matrices = [rows, lowering.name(weight!)] as const;
    let result = transposeWeight
      ? byTransposed(lowering, matrices, count, weight!.shape as readonly [number, number])
      : product(lowering, matrices, 2, [false, false]);
    // A node of its own, which TensorFlow melts into the product.
    if (bias !== undefined)
      result = lowering.emit("BiasAdd", [result, lowering.name(bias)], { T: type("float32") });
    return [isMatrix ? result : lowering.reshape(result, "float32", types[0]!.shape)];
  },
} satisfies LowerTable;
