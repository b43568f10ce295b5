import type { OpAttributes, OpName } from "./ops/attributes.js";
import type { DType, Shape, TensorType } from "./types.js";

/**
 * One application of an op: immutable, and known only by its identity.
 * Its results are {@link Tensor}s that point back to it, so that a tensor alone carries the graph it comes from.
 */
export interface Operation<K extends OpName = OpName> {
  readonly op: K;
  readonly inputs: readonly Tensor[];
  readonly attributes: OpAttributes[K];
  /** One type per result. */
  readonly types: readonly TensorType[];
  /** Where it was traced; its stack names the line. */
  readonly source: Error | undefined;
}

/** Result `index` of an operation: a value that is not computed yet. */
export interface Tensor {
  readonly operation: Operation;
  readonly index: number;
  readonly type: TensorType;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** The results of an operation. */
export function resultsOf(operation: Operation): readonly Tensor[] {
  return operation.types.map((type, index) => ({
    operation,
    index,
    type,
    dtype: type.dtype,
    shape: type.shape,
  }));
}

/** A key that two handles of the same result share. */
export function isSameTensor(a: Tensor, b: Tensor): boolean {
  return a.operation === b.operation && a.index === b.index;
}

/** Inputs and outputs; the operations between them follow from the outputs. */
export interface Graph {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/** A value per tensor; handles of the same result share it. */
export class TensorMap<V> {
  readonly #values = new Map<Operation, (V | undefined)[]>();

  get(tensor: Tensor): V | undefined {
    return this.#values.get(tensor.operation)?.[tensor.index];
  }

  set(tensor: Tensor, value: V): void {
    const values = this.#values.get(tensor.operation);
    if (values === undefined) {
      const fresh: (V | undefined)[] = [];
      fresh[tensor.index] = value;
      this.#values.set(tensor.operation, fresh);
    } else {
      values[tensor.index] = value;
    }
  }

  delete(tensor: Tensor): void {
    const values = this.#values.get(tensor.operation);
    if (values !== undefined) values[tensor.index] = undefined;
  }
}

/** Operations that the tensors need, each after its inputs. Iterative: real graphs are deep. */
export function topologicalOrder(outputs: readonly Tensor[]): Operation[] {
  const order: Operation[] = [];
  const done = new Set<Operation>();
  const stack: { readonly operation: Operation; next: number }[] = [];
  for (const output of outputs) {
    if (done.has(output.operation)) continue;
    stack.push({ operation: output.operation, next: 0 });
    while (stack.length > 0) {
      const frame = stack[stack.length - 1] as (typeof stack)[number];
      const input = frame.operation.inputs[frame.next++];
      if (input === undefined) {
        stack.pop();
        if (!done.has(frame.operation)) {
          done.add(frame.operation);
          order.push(frame.operation);
        }
      } else if (!done.has(input.operation)) {
        stack.push({ operation: input.operation, next: 0 });
      }
    }
  }
  return order;
}

/** Number of readers of each value; being an output counts as one. */
export function countUses(operations: readonly Operation[], outputs: readonly Tensor[]): TensorMap<number> {
  const counts = new TensorMap<number>();
  for (const tensor of [...operations.flatMap((operation) => operation.inputs), ...outputs]) {
    counts.set(tensor, (counts.get(tensor) ?? 0) + 1);
  }
  return counts;
}
