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

/**
 * For so many rows at most, as in decoding, a transposed weight comes first and the result is turned, `x W' = (W x')'`:
 * half the time, because TensorFlow repacks the second matrix, element by element where it is transposed.
 */
const fewRows = 64;

const turned = (lowering: Lowering, name: string): string =>
  lowering.emit("Transpose", [name, lowering.ints([1, 0])], { T: type("float32"), Tperm: type("int32") });

export const linear = {
  matMul: (lowering, { inputs: [a, b], attributes: { transposeA, transposeB } }) => [
    product(lowering, [lowering.name(a!), lowering.name(b!)], a!.shape.length, [transposeA, transposeB]),
  ],
  linear: (lowering, { inputs: [x, weight, bias], attributes: { transposeWeight }, types }) => {
    const width = x!.shape.at(-1) as number;
    const count = sizeOf(x!.shape) / width;
    const isMatrix = x!.shape.length === 2;
    const rows = isMatrix
      ? lowering.name(x!)
      : lowering.reshape(lowering.name(x!), "float32", [count, width]);
    const matrices = [rows, lowering.name(weight!)] as const;
    let result =
      transposeWeight && count <= fewRows
        ? turned(lowering, product(lowering, [matrices[1], matrices[0]], 2, [false, true]))
        : product(lowering, matrices, 2, [false, transposeWeight]);
    // A node of its own, which TensorFlow melts into the product.
    if (bias !== undefined)
      result = lowering.emit("BiasAdd", [result, lowering.name(bias)], { T: type("float32") });
    return [isMatrix ? result : lowering.reshape(result, "float32", types[0]!.shape)];
  },
} satisfies LowerTable;
