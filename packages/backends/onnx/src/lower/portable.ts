/** Rules without ONNX Runtime's own operators, for models that other runtimes load; it fuses what it can by itself. */
import type { Operation } from "@alignkit/core";
import { product } from "./linear.js";
import type { Lowering } from "./lowering.js";
import { lowerTable } from "./table.js";

export const portableTable: typeof lowerTable = {
  ...lowerTable,
  matMul: (lowering, operation) => [portableProduct(lowering, operation)],
};

function portableProduct(lowering: Lowering, operation: Operation<"matMul">): string {
  const rank = operation.types[0]?.shape.length as number;
  if (rank === 2) return product(lowering, operation);
  const { transposeA, transposeB } = operation.attributes;
  const operands = operation.inputs.map((tensor) => lowering.name(tensor));
  const turned = [transposeA, transposeB].map((isTurned, index) =>
    isTurned ? transposed(lowering, operands[index] as string, rank) : (operands[index] as string),
  );
  return lowering.emit("MatMul", turned);
}

function transposed(lowering: Lowering, name: string, rank: number): string {
  const permutation = Array.from({ length: rank }, (_, axis) => axis);
  permutation.push(permutation.splice(-2, 1)[0] as number);
  return lowering.emit("Transpose", [name], { attributes: { perm: { ints: permutation } } });
}
