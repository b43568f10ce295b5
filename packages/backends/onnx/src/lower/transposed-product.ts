/**
 * `a^T b` of matrices, the gradient of a weight.
 *
 * ONNX Runtime's product transposes blocks of `a` anew for each 128 columns of the result, and is slowest when that is
 * tall. So an operand is transposed first, and a tall result of many terms is computed lying, as `(b^T a)^T`. Measured on
 * one core, `[512, 768]^T [512, 3072]`: 36.0 ms as one Gemm, 32.5 ms so; `[512, 3072]^T [512, 768]`: 42.2 and lying 34.0
 * ms; `[512, 50257]^T [512, 768]`: 704 and 520 ms. Sessions must not melt the transpositions into the products again.
 */
import type { Shape } from "@alignkit/core";
import type { Lowering } from "./lowering.js";

/**
 * Of fewer terms a tall result costs less than turning it. `[T, 3072]^T [T, 768]` lying and not, on two cores with AVX-512:
 * T = 224 takes 3.9 and 3.6 ms, 320 5.1 and 4.6, 512 7.4 and 7.1, 1024 14.6 and 14.4; `[2048, 1024]^T [2048, 256]` 3.9 and 4.3.
 */
const manyTerms = 1024;

/** @param shape - of the result */
export function transposedProduct(
  lowering: Lowering,
  [a, b]: readonly [string, string],
  terms: number,
  [rows, columns]: Shape,
): string {
  return (rows as number) > (columns as number) && terms >= manyTerms
    ? transposeMatrix(lowering, lowering.emit("MatMul", [transposeMatrix(lowering, b), a]))
    : lowering.emit("MatMul", [transposeMatrix(lowering, a), b]);
}

export function transposeMatrix(lowering: Lowering, name: string): string {
  return lowering.emit("Transpose", [name], { attributes: { perm: { ints: [1, 0] } } });
}
