import type { DType, Tensor } from "../index.js";

/** How to fill an input: uniform in `[low, high)`, whole numbers for int32, 0 or 1 for bool. */
export interface InputSpecification {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly low: number;
  readonly high: number;
}

/** One thing that a backend must compute as the reference does. */
export interface ConformanceCase {
  readonly name: string;
  readonly inputs: readonly InputSpecification[];
  readonly body: (...inputs: Tensor[]) => readonly Tensor[];
  /** Largest difference allowed: `absolute + relative * |reference|`. */
  readonly absolute: number;
  readonly relative: number;
  /** Whether the gradient of a random combination of the outputs is compared too. */
  readonly gradient: boolean;
}

/** float32, uniform in `[low, high)`. */
export const real = (shape: readonly number[], low = -1, high = 1): InputSpecification => ({
  dtype: "float32",
  shape,
  low,
  high,
});
/** int32, uniform in `low .. high - 1`. */
export const whole = (shape: readonly number[], low: number, high: number): InputSpecification => ({
  dtype: "int32",
  shape,
  low,
  high,
});
/** bool, either. */
export const flags = (shape: readonly number[]): InputSpecification => ({
  dtype: "bool",
  shape,
  low: 0,
  high: 2,
});

type Extra = Partial<Pick<ConformanceCase, "absolute" | "relative" | "gradient">>;

/** A case with the usual tolerance: 1e-5 absolute and relative. */
export function defineCase(
  name: string,
  inputs: readonly InputSpecification[],
  body: (...inputs: Tensor[]) => Tensor | readonly Tensor[],
  extra: Extra = {},
): ConformanceCase {
  return {
    name,
    inputs,
    body: (...tensors) => {
      const result = body(...tensors);
      return "operation" in result ? [result] : result;
    },
    absolute: 1e-5,
    relative: 1e-5,
    gradient: true,
    ...extra,
  };
}
