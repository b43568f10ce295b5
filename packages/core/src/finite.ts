import { AlignkitError } from "./errors.js";

/** A value became NaN or infinite; names the tensor and the step. */
export class NonFiniteError extends AlignkitError {
  constructor(tensor: string, step: number) {
    super(
      "NOT_FINITE",
      `step ${step}: ${tensor} is not finite; lower the learning rate or the gradient norm limit, or look at the data of this step`,
      {
        details: { tensor, step },
      },
    );
  }
}

/**
 * Stops at the first number that would poison everything after it.
 * @param values - numbers by what they are called: `the loss`
 * @param step - that they belong to, from 1
 * @throws {NonFiniteError} naming the first that is NaN or infinite
 */
export function requireFinite(values: Readonly<Record<string, number | undefined>>, step: number): void {
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && !Number.isFinite(value)) throw new NonFiniteError(name, step);
  }
}
