import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "@alignkit/core";
import { declaredHead, type Head, type ModelConfig, parseModelConfig } from "../config.js";
import type { ParameterValue } from "../initialize.js";
import { parameterNames } from "../parameters.js";
import { fitTensors, type StoredTensor } from "./fit.js";
import { configFile, generationConfigFile, tokenizerFiles, weightsFile, weightsIndexFile } from "./layout.js";
import type { SafetensorsDtype } from "./safetensors-dtypes.js";
import { openSafetensors, type SafetensorsFile } from "./safetensors-reader.js";

/** A model as a directory holds it. */
export interface ModelDirectory {
  readonly config: ModelConfig;
  readonly head: Head;
  /** Hugging Face's names to values, in the order of `parameterShapes`; float32 whatever the file holds. */
  readonly parameters: ReadonlyMap<string, ParameterValue>;
  /** The contents of `generation_config.json`; null without one. */
  readonly generationConfig: Readonly<Record<string, unknown>> | null;
}

export interface LoadedModelDirectory extends ModelDirectory {
  readonly parameters: Map<string, ParameterValue>;
  /** Of the weights before they were converted; "mixed" when they are of several. */
  readonly dtypeOnDisk: SafetensorsDtype | "mixed";
}

/**
 * Reads a Hugging Face model directory: configuration, and weights from one file or from shards with an index.
 *
 * Weights are checked against the configuration before any is read, and each is read into its final array.
 * @throws {ConfigError} when `config.json` is not understood
 * @throws {DataError} when a file is missing or damaged, or the weights are not those of the configuration or not finite
 */
export async function readModelDirectory(directory: string): Promise<LoadedModelDirectory> {
  const config = await readModelConfig(directory);
  const generationConfig = await readJsonObject(join(directory, generationConfigFile));
  const files = await openWeights(directory);
  try {
    const stored = storedTensors(directory, files);
    const head = declaredHead(config, join(directory, configFile)) ?? headOf(config, stored);
    const { parameters: storedNames, storedTiedHead } = fitTensors(directory, config, head, stored);
    const parameters = new Map<string, ParameterValue>();
    const dtypes = new Set<SafetensorsDtype>();
    for (const [parameter, storedName] of storedNames) {
      const { file, entry } = stored.get(storedName)!;
      dtypes.add(entry.dtype);
      const value = await readFloats(files.get(file)!, storedName);
      requireFiniteWeights(`${directory}/${file}: ${storedName}`, value.data);
      parameters.set(parameter, value);
    }
    if (storedTiedHead !== null) {
      const { file } = stored.get(storedTiedHead)!;
      const { tokenEmbedding } = parameterNames(config);
      const value = await readFloats(files.get(file)!, storedTiedHead);
      checkTie(
        `${directory}/${file}`,
        storedTiedHead,
        value,
        tokenEmbedding,
        parameters.get(tokenEmbedding)!,
      );
    }
    const [dtype = "F32", ...others] = dtypes;
    return { config, head, parameters, generationConfig, dtypeOnDisk: others.length > 0 ? "mixed" : dtype };
  } finally {
    await Promise.all([...files.values()].map((file) => file.close()));
  }
}

/**
 * Reads only the configuration of a model directory.
 * @throws {ConfigError} when it is not understood
 * @throws {DataError} when it is not there
 */
export async function readModelConfig(directory: string): Promise<ModelConfig> {
  const path = join(directory, configFile);
  const source = await readJsonObject(path);
  if (source === null) {
    throw new DataError(`${path}: not found; a model directory holds ${configFile} and ${weightsFile}`);
  }
  return parseModelConfig(source, path);
}

/** The tokenizer's files of a model directory, to be written beside another model; empty when there are none. */
export async function readTokenizerFiles(directory: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const name of tokenizerFiles) {
    const bytes = await readIfThere(join(directory, name));
    if (bytes !== null) {
      files.set(name, bytes);
    }
  }
  return files;
}

/** Opens the weight file, or all shards of the index, by name. */
async function openWeights(directory: string): Promise<ReadonlyMap<string, SafetensorsFile>> {
  const single = await readIfThereAsFile(join(directory, weightsFile));
  if (single !== null) {
    return new Map([[weightsFile, single]]);
  }
  const indexPath = join(directory, weightsIndexFile);
  const index = await readJsonObject(indexPath);
  if (index === null) {
    throw new DataError(
      `${directory}: neither ${weightsFile} nor ${weightsIndexFile} is there; PyTorch files (pytorch_model.bin) must be converted to safetensors`,
    );
  }
  const weightMap = readWeightMap(indexPath, index);
  const files = new Map<string, SafetensorsFile>();
  try {
    for (const name of new Set(weightMap.values())) {
      files.set(name, await openSafetensors(join(directory, name)));
    }
    for (const [tensor, name] of weightMap) {
      if (files.get(name)?.tensors.has(tensor) !== true) {
        throw new DataError(`${indexPath}: says that ${tensor} is in ${name}, but it is not`);
      }
    }
  } catch (error) {
    await Promise.all([...files.values()].map((file) => file.close()));
    throw error;
  }
  return files;
}

async function readIfThereAsFile(path: string): Promise<SafetensorsFile | null> {
  try {
    return await openSafetensors(path);
  } catch (error) {
    if (error instanceof DataError && isNotFound(error.cause)) {
      return null;
    }
    throw error;
  }
}

function readWeightMap(path: string, index: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const weightMap = index.weight_map;
  if (typeof weightMap !== "object" || weightMap === null || Array.isArray(weightMap)) {
    throw new DataError(`${path}: "weight_map" must be an object from tensor to file`);
  }
  const entries = Object.entries(weightMap).map(([tensor, file]: [string, unknown]) => {
    if (typeof file !== "string" || !/^[^/\\]+\.safetensors$/.test(file)) {
      throw new DataError(
        `${path}: ${tensor} is said to be in ${JSON.stringify(file)}, which is no safetensors file here`,
      );
    }
    return [tensor, file] as const;
  });
  return new Map(entries);
}

function storedTensors(
  directory: string,
  files: ReadonlyMap<string, SafetensorsFile>,
): ReadonlyMap<string, StoredTensor> {
  const stored = new Map<string, StoredTensor>();
  for (const [file, { tensors }] of files) {
    for (const [name, entry] of tensors) {
      const other = stored.get(name);
      if (other !== undefined) {
        throw new DataError(`${directory}: tensor ${name} is both in ${other.file} and in ${file}`);
      }
      stored.set(name, { file, entry });
    }
  }
  return stored;
}

/** When `config.json` does not say. */
function headOf(config: ModelConfig, stored: ReadonlyMap<string, StoredTensor>): Head {
  return stored.has(parameterNames(config).scalarHead) ? "scalar" : "language_model";
}

async function readFloats(file: SafetensorsFile, name: string): Promise<ParameterValue> {
  const { shape, data } = await file.read(name);
  return { shape, data: data instanceof Float32Array ? data : Float32Array.from(data as Float64Array) };
}

/** One pass over all weights: only NaN and infinities are not 0 times 0. */
function requireFiniteWeights(name: string, data: Float32Array): void {
  let zero = 0;
  for (let index = 0; index < data.length; index++) zero += (data[index] as number) * 0;
  if (zero === 0) return;
  const index = data.findIndex((value) => !Number.isFinite(value));
  throw new DataError(
    `${name}: element ${index} of ${data.length} is ${data[index]}; the training that made these weights diverged, take an earlier checkpoint of it`,
  );
}

function checkTie(
  path: string,
  headName: string,
  head: ParameterValue,
  embeddingName: string,
  embedding: ParameterValue,
): void {
  const same =
    head.data.length === embedding.data.length &&
    head.data.every((value, index) => Object.is(value, embedding.data[index]));
  if (!same) {
    throw new DataError(
      `${path}: ${headName} differs from ${embeddingName}, but config.json ties them; set "tie_word_embeddings" to false`,
    );
  }
}

async function readJsonObject(path: string): Promise<Readonly<Record<string, unknown>> | null> {
  const bytes = await readIfThere(path);
  if (bytes === null) {
    return null;
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new DataError(
      `${path}: is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new DataError(`${path}: must be a JSON object`);
  }
  return value as Readonly<Record<string, unknown>>;
}

async function readIfThere(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (isNotFound(cause)) {
      return null;
    }
    throw new DataError(
      `${path}: cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
