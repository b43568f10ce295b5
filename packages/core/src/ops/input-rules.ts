/** What every op checks of its inputs before it infers a type. */
import { ShapeMismatchError } from "../errors.js";
import { type DType, formatType, type TensorType } from "../types.js";
import type { OpName } from "./attributes.js";

/** A shape as messages show it. */
export const list = (shape: readonly number[]) => `[${shape.join(",")}]`;

/** @throws {ShapeMismatchError} naming the op, what it was given and the rule */
export function fail(op: OpName, inputs: readonly TensorType[], rule: string): never {
  const given = inputs.map(formatType).join(", ");
  throw new ShapeMismatchError(`${op}: ${given} do not fit: ${rule}`, { op, inputs });
}

export function require(condition: boolean, op: OpName, inputs: readonly TensorType[], rule: string): void {
  if (!condition) fail(op, inputs, rule);
}

export function arity(op: OpName, inputs: readonly TensorType[], least: number, most = least): void {
  require(inputs.length >= least &&
    inputs.length <= most, op, inputs, `takes ${least === most ? least : `${least} to ${most}`} inputs`);
}

/** Of the first inputs, as far as there are any. */
export function dtypes(op: OpName, inputs: readonly TensorType[], ...expected: readonly DType[]): void {
  for (const [index, dtype] of expected.entries()) {
    const input = inputs[index];
    if (input !== undefined) require(input.dtype === dtype, op, inputs, `input ${index} must be ${dtype}`);
  }
}

/** An input that {@link arity} has seen to be there. */
export function at(inputs: readonly TensorType[], index: number): TensorType {
  return inputs[index] as TensorType;
}
