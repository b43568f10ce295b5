/**
 * Products with many more rows than a cache holds, such as the gradient of an output head, written in parts.
 *
 * ONNX Runtime adds up a product in slices of 128 along the inner axis and goes over all rows of the result for each,
 * so that a tall result travels to memory and back several times; a part of it stays in the cache, and is fastest
 * computed lying (see transposed-product.ts). Measured for `[512, 50257]^T x [512, 768]` on one core: 704 ms as one
 * Gemm, 620 ms as one for each part, 552 ms with the parts lying.
 */
import { type Operation, resultsOf, sizeOf, type Tensor } from "@alignkit/core";
import type { Fusions } from "./fusions.js";
import type { Lowering, ModelOutput } from "./lowering.js";
import { transposeMatrix } from "./transposed-product.js";

const rowsPerPart = 2048;
/** Results from 64 MiB on, which no cache holds. */
const smallestResult = 1 << 24;

/** Whether an operation is a product that is better written in parts. */
export function isTall(operation: Operation): boolean {
  if (operation.op !== "matMul") return false;
  const { transposeA, transposeB } = (operation as Operation<"matMul">).attributes;
  const { shape } = operation.types[0] as Tensor["type"];
  return transposeA && !transposeB && shape.length === 2 && sizeOf(shape) >= smallestResult;
}

/**
 * Tall products that only readers outside the model want.
 * @param isFixed - whether the number of rows of an operation's result is known now
 */
export function splittableOutputs(
  operations: readonly Operation[],
  outputs: readonly Tensor[],
  { melted }: Fusions,
  isFixed: (operation: Operation) => boolean,
): ReadonlySet<Operation> {
  const read = new Set(operations.flatMap((operation) => operation.inputs.map((tensor) => tensor.operation)));
  const own = new Set(operations);
  const candidates = outputs.map((tensor) => tensor.operation);
  return new Set(
    candidates.filter(
      (operation) =>
        isTall(operation) &&
        own.has(operation) &&
        !read.has(operation) &&
        !melted.has(operation) &&
        isFixed(operation),
    ),
  );
}

/** Emits the parts of one product. */
export function productInParts(
  lowering: Lowering,
  operation: Operation<"matMul">,
): readonly (ModelOutput & { readonly name: string })[] {
  const [a, b] = operation.inputs.map(lowering.name) as [string, string];
  const [tensor] = resultsOf(operation) as [Tensor];
  const height = tensor.shape[0] as number;
  const count = Math.ceil(height / rowsPerPart);
  const parts = Array.from({ length: count }, (_, index) => ({
    start: index * rowsPerPart,
    end: Math.min(height, (index + 1) * rowsPerPart),
  }));
  const lengths = lowering.int64s(parts.map(({ start, end }) => end - start));
  const columns = lowering.emitMany("Split", [a, lengths], count, { attributes: { axis: { int: 1 } } });
  const transposed = transposeMatrix(lowering, b);
  return parts.map((rows, index) => ({
    tensor,
    rows,
    name: transposeMatrix(lowering, lowering.emit("MatMul", [transposed, columns[index] as string])),
  }));
}
