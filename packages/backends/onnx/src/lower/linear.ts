import type { Operation, Shape, Tensor } from "@alignkit/core";
import type { AttributeValue } from "../model-proto.js";
import type { Lowering, LowerTable } from "./lowering.js";
import { transposedProduct } from "./transposed-product.js";

interface ProductOptions {
  /** Added: `[N]` to each row, `[M, 1]` to each column, or `[M, N]`. */
  readonly bias?: Tensor;
  readonly factor?: number;
}

/** A matrix product with what melts into it. */
export function product(
  lowering: Lowering,
  operation: Operation<"matMul">,
  { bias, factor }: ProductOptions = {},
): string {
  const { transposeA, transposeB } = operation.attributes;
  const operands = operation.inputs.map((tensor) => lowering.name(tensor));
  const isPlain = !transposeA && !transposeB && factor === undefined;
  const shape = operation.types[0]?.shape as Shape;
  if (transposeA && !transposeB && shape.length === 2 && bias === undefined && factor === undefined) {
    const terms = (operation.inputs[0] as Tensor).shape[0] as number;
    return transposedProduct(lowering, operands as [string, string], terms, shape);
  }
  const alpha: Readonly<Record<string, AttributeValue>> =
    factor === undefined ? {} : { alpha: { float: factor } };
  if (bias !== undefined || (shape.length === 2 && !isPlain)) {
    const attributes = { transA: { int: Number(transposeA) }, transB: { int: Number(transposeB) }, ...alpha };
    return lowering.emit("Gemm", bias === undefined ? operands : [...operands, lowering.name(bias)], {
      attributes,
    });
  }
  if (isPlain) return lowering.emit("MatMul", operands);
  const attributes = { transA: { int: Number(transposeA) }, transB: { int: Number(transposeB) }, ...alpha };
  return lowering.emit("FusedMatMul", operands, { attributes, domain: "com.microsoft" });
}

export const linear = {
  matMul: (lowering, operation) => [product(lowering, operation)],
} satisfies LowerTable;
