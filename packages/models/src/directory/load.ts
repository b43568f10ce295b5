import type { Model, ParameterValue } from "../initialize.js";
import { openModelDirectory } from "./open.js";
import type { SafetensorsDtype } from "./safetensors-dtypes.js";

/** A model as a directory holds it. */
export interface ModelDirectory extends Model {
  /** The contents of `generation_config.json`; null without one. */
  readonly generationConfig: Readonly<Record<string, unknown>> | null;
}

/** A model directory with its weights. */
export interface LoadedModelDirectory extends ModelDirectory {
  /** Float32 whatever the file holds. */
  readonly parameters: Map<string, ParameterValue>;
  /** Of the weights before they were converted; "mixed" when they are of several. */
  readonly dtypeOnDisk: SafetensorsDtype | "mixed";
}

/** How a model directory is read. */
export interface ReadModelOptions {
  /** What was read before, by origin: models of one base then share its arrays. Is added to. */
  readonly known?: Map<string, ParameterValue>;
}

/**
 * Reads a Hugging Face model directory, or a low-rank adapter with the base that it names: configuration, and weights
 * from one file or from shards with an index.
 *
 * Weights are checked against the configuration before any is read, and each is read into its final array.
 * @throws {ConfigError} when `config.json` or `adapter_config.json` is not understood
 * @throws {DataError} when a file is missing or damaged, or the weights are not those of the configuration or not finite
 */
export async function readModelDirectory(
  directory: string,
  { known }: ReadModelOptions = {},
): Promise<LoadedModelDirectory> {
  const { config, head, generationConfig, dtypeOnDisk, stored, close } = await openModelDirectory(directory);
  try {
    const parameters = new Map<string, ParameterValue>();
    for (const [name, parameter] of stored) {
      const value = known?.get(parameter.origin) ?? (await parameter.read());
      known?.set(parameter.origin, value);
      parameters.set(name, value);
    }
    return { config, head, parameters, generationConfig, dtypeOnDisk };
  } finally {
    await close();
  }
}
