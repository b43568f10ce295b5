import type { Head, ModelConfig } from "./config.js";
import { type ParameterSpecification, parameterSpecifications } from "./parameters.js";

/** A parameter's values, row-major. */
/** A model in the memory of the host. */
export interface Model {
  readonly config: ModelConfig;
  readonly head: Head;
  /** By Hugging Face's names, in the order of `parameterShapes`. */
  readonly parameters: ReadonlyMap<string, ParameterValue>;
}

/** A parameter on the host. */
export interface ParameterValue {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** What new weights are drawn from. */
export interface NumberSource {
  /** A draw from N(0, 1). */
  normal(): number;
  /** A draw from `[0, 1)`. */
  uniform(): number;
}

/**
 * The first parameters of a new model, as transformers initialises the family: weights from N(0, initializerRange),
 * GPT-2's residual projections narrower by sqrt(2 * layers), norms 1, biases 0; a scalar head from N(0, 1/sqrt(D + 1)).
 *
 * Draws in the order of {@link parameterSpecifications}, row by row, so that a seed gives the same model.
 */
export function initializeParameters(
  config: ModelConfig,
  head: Head,
  random: NumberSource,
): Map<string, ParameterValue> {
  return initializeSpecifications(parameterSpecifications(config, head), random);
}

/** The first values of some parameters. */
export function initializeSpecifications(
  specifications: readonly ParameterSpecification[],
  random: NumberSource,
): Map<string, ParameterValue> {
  return new Map(
    specifications.map((specification) => [
      specification.name,
      { shape: specification.shape, data: initialValues(specification, random) },
    ]),
  );
}

function initialValues(
  { shape, initialization }: ParameterSpecification,
  random: NumberSource,
): Float32Array {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  if (initialization.kind === "constant") {
    return data.fill(initialization.value);
  }
  if (initialization.kind === "uniform") {
    return data.map(() => initialization.bound * (2 * random.uniform() - 1));
  }
  for (let index = 0; index < data.length; index += 1) {
    data[index] = initialization.deviation * random.normal();
  }
  if (initialization.zeroRow !== null) {
    const width = shape[1] ?? 1;
    data.fill(0, initialization.zeroRow * width, (initialization.zeroRow + 1) * width);
  }
  return data;
}
