/**
 * `a^T b` of matrices, the gradient of a weight.
 *
 * ONNX Runtime's product transposes blocks of `a` anew for each 128 columns of the result, and is slowest when that is
 * tall. So the smaller operand is transposed first, and a tall result is computed lying, as `(b^T a)^T`. Measured on
 * one core, `[512, 768]^T [512, 3072]`: 36.0 ms as one Gemm, 32.5 ms so; `[512, 3072]^T [512, 768]`: 42.2 and 34.0 ms;
 * `[512, 50257]^T [512, 768]`: 704 and 520 ms. Sessions must not melt the transpositions into the products again.
 */
import type { Shape } from "@alignkit/core";
import type { Lowering } from "./lowering.js";

/** @param shape - of the result */
export function transposedProduct(
  lowering: Lowering,
  [a, b]: readonly [string, string],
  [rows, columns]: Shape,
): string {
  return (rows as number) > (columns as number)
    ? transposeMatrix(lowering, lowering.emit("MatMul", [transposeMatrix(lowering, b), a]))
    : lowering.emit("MatMul", [transposeMatrix(lowering, a), b]);
}

export function transposeMatrix(lowering: Lowering, name: string): string {
  return lowering.emit("Transpose", [name], { attributes: { perm: { ints: [1, 0] } } });
}
