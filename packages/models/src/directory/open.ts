/** Model directories and adapters, checked but not yet read. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DataError, type FileRegion, sizeOf } from "@alignkit/core";
import {
  declaredHead,
  type Head,
  type ModelConfig,
  parseModelConfig,
  toHuggingFaceConfig,
} from "../config.js";
import type { ParameterValue } from "../initialize.js";
import { withLora } from "../lora.js";
import { parameterNames, parameterShapes } from "../parameters.js";
import { parseAdapterConfig, type StoredAdapter } from "./adapter-config.js";
import { fitTensors } from "./fit.js";
import { fitAdapter } from "./fit-adapter.js";
import {
  adapterConfigFile,
  adapterWeightsFile,
  additionalTemplatesFolder,
  configFile,
  generationConfigFile,
  tokenizerFiles,
  weightsFile,
} from "./layout.js";
import { readIfThere, readJsonObject } from "./read-file.js";
import type { SafetensorsDtype } from "./safetensors-dtypes.js";
import { openSafetensors, type SafetensorsFile } from "./safetensors-reader.js";
import { openWeights, storedTensors } from "./weight-files.js";

/** A parameter that is read when it is needed. */
export interface StoredParameter {
  readonly shape: readonly number[];
  /** File and tensor: models with a parameter of the same origin hold the same numbers. */
  readonly origin: string;
  read(): Promise<ParameterValue>;
  /**
   * Into memory that is there already.
   * @param isFilled - whether it holds the numbers already, so that they are only checked
   */
  readInto(target: Float32Array, isFilled?: boolean): Promise<void>;
  /** Where the numbers lie in the file as they are; undefined when they must be converted. */
  readonly region: FileRegion | undefined;
}

/** A model whose files have been checked against its configuration. */
export interface OpenModelDirectory {
  readonly config: ModelConfig;
  readonly head: Head;
  /** In the order of `parameterShapes`. */
  readonly stored: ReadonlyMap<string, StoredParameter>;
  /** The contents of `generation_config.json`; null without one. */
  readonly generationConfig: Readonly<Record<string, unknown>> | null;
  readonly dtypeOnDisk: SafetensorsDtype | "mixed";
  close(): Promise<void>;
}

/** @throws {ConfigError | DataError} as `readModelDirectory` */
export async function openModelDirectory(directory: string): Promise<OpenModelDirectory> {
  const described = await describeDirectory(directory);
  const files: SafetensorsFile[] = [];
  const close = async () => {
    await Promise.all(files.map((file) => file.close()));
  };
  try {
    return { ...(await openParameters(described, files)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Reads only the configuration of a model directory or adapter.
 * @throws {ConfigError} when it is not understood
 * @throws {DataError} when it is not there
 */
export async function readModelConfig(directory: string): Promise<ModelConfig> {
  const { base, config, adapter } = await describeDirectory(directory);
  if (adapter === null) return config;
  return adaptedConfig(config, adapter, base, adapter.head ?? declaredHead(config) ?? "language_model");
}

/** The tokenizer's files of a model directory, or of an adapter's base; empty when there are none. */
export async function readTokenizerFiles(directory: string): Promise<Map<string, Uint8Array>> {
  const files = await filesOf(directory);
  if (files.size > 0 || !existsSync(join(directory, adapterConfigFile))) return files;
  return filesOf((await describeDirectory(directory)).base);
}

async function filesOf(directory: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const name of [...tokenizerFiles, ...(await additionalTemplates(directory))]) {
    const bytes = await readIfThere(join(directory, name));
    if (bytes !== null) {
      files.set(name, bytes);
    }
  }
  return files;
}

async function additionalTemplates(directory: string): Promise<readonly string[]> {
  const names = await readdir(join(directory, additionalTemplatesFolder)).catch(() => []);
  const templates = names.filter((name) => name.endsWith(".jinja")).sort();
  return templates.map((name) => `${additionalTemplatesFolder}/${name}`);
}

/** What the configuration files say. */
interface Description {
  readonly directory: string;
  /** Where `config.json` and the whole weights are: the directory itself, or an adapter's base. */
  readonly base: string;
  /** Of the base. */
  readonly config: ModelConfig;
  readonly adapter: StoredAdapter | null;
}

async function describeDirectory(directory: string): Promise<Description> {
  const adapterPath = join(directory, adapterConfigFile);
  const fields = await readJsonObject(adapterPath);
  const adapter = fields === null ? null : parseAdapterConfig(fields, adapterPath);
  const base = adapter === null ? directory : baseOf(directory, adapter.basePath);
  const path = join(base, configFile);
  const source = await readJsonObject(path);
  if (source === null) {
    throw new DataError(`${path}: not found; a model directory holds ${configFile} and ${weightsFile}`);
  }
  return { directory, base, config: parseModelConfig(source, path), adapter };
}

/** As seen from the adapter, else from the working directory. */
function baseOf(directory: string, path: string): string {
  const places = [resolve(directory, path), resolve(path)];
  const found = places.find((place) => existsSync(join(place, configFile)));
  if (found === undefined) {
    throw new DataError(
      `${join(directory, adapterConfigFile)}: base_model_name_or_path ${JSON.stringify(path)} is no model directory: neither ${places.join(" nor ")} holds ${configFile}; download the base and give its path there`,
    );
  }
  return found;
}

function adaptedConfig(config: ModelConfig, adapter: StoredAdapter, base: string, head: Head): ModelConfig {
  const own = { ...config, rewardBias: adapter.rewardBias };
  const declared = { ...own, source: toHuggingFaceConfig(own, head) };
  return withLora(declared, { ...adapter.lora, base });
}

/** @param files - what was opened, also when this throws */
async function openParameters(
  { directory, base, config: baseConfig, adapter }: Description,
  files: SafetensorsFile[],
): Promise<Omit<OpenModelDirectory, "close">> {
  // 1. What the files hold
  const weights = await openWeights(base);
  files.push(...weights.values());
  const tensors = storedTensors(base, weights);
  const scalarHead = parameterNames(baseConfig).scalarHead;
  const head =
    adapter?.head ??
    declaredHead(baseConfig, join(base, configFile)) ??
    (tensors.has(scalarHead) ? "scalar" : "language_model");
  const config = adapter === null ? baseConfig : adaptedConfig(baseConfig, adapter, base, head);
  const adapterFile = adapter === null ? null : await openSafetensors(join(directory, adapterWeightsFile));
  if (adapterFile !== null) files.push(adapterFile);

  // 2. Which tensor is which parameter
  const added =
    adapterFile === null
      ? new Map<string, string>()
      : fitAdapter(adapterFile.path, config, head, adapterFile.tensors);
  const { parameters: fitted, storedTiedHead } = fitTensors(
    base,
    { ...config, lora: null },
    head,
    tensors,
    new Set(added.keys()),
  );
  const stored = new Map<string, StoredParameter>();
  const dtypes = new Set<SafetensorsDtype>();
  for (const name of parameterShapes(config, head).keys()) {
    const own = added.get(name);
    const storedName = own ?? (fitted.get(name) as string);
    const file = (
      own === undefined ? weights.get(tensors.get(storedName)!.file) : adapterFile
    ) as SafetensorsFile;
    if (own === undefined) dtypes.add(file.tensors.get(storedName)!.dtype);
    stored.set(name, storedParameter(file, storedName));
  }
  if (storedTiedHead !== null) {
    const { tokenEmbedding } = parameterNames(config);
    const file = weights.get(tensors.get(storedTiedHead)!.file)!;
    await checkTie(storedParameter(file, storedTiedHead), tokenEmbedding, stored.get(tokenEmbedding)!);
  }

  const [dtype = "F32", ...others] = dtypes;
  const generationConfig =
    (await readJsonObject(join(directory, generationConfigFile))) ??
    (await readJsonObject(join(base, generationConfigFile)));
  return { config, head, stored, generationConfig, dtypeOnDisk: others.length > 0 ? "mixed" : dtype };
}

function storedParameter(file: SafetensorsFile, name: string): StoredParameter {
  const { shape } = file.tensors.get(name)!;
  const readInto = async (target: Float32Array, isFilled = false): Promise<void> => {
    if (!isFilled) await file.readFloats(name, target);
    requireFiniteWeights(`${file.path}: ${name}`, target);
  };
  return {
    shape,
    origin: `${resolve(file.path)}: ${name}`,
    async read() {
      const data = new Float32Array(sizeOf(shape));
      await readInto(data);
      return { shape, data };
    },
    readInto,
    region: file.regionOf(name),
  };
}

/** One pass over all weights: only NaN and infinities are not 0 times 0. */
function requireFiniteWeights(name: string, data: Float32Array): void {
  // Four sums, so that none waits for the one before it.
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = data.length & ~3;
  for (let index = 0; index < whole; index += 4) {
    a += (data[index] as number) * 0;
    b += (data[index + 1] as number) * 0;
    c += (data[index + 2] as number) * 0;
    d += (data[index + 3] as number) * 0;
  }
  for (let index = whole; index < data.length; index++) a += (data[index] as number) * 0;
  if (a + b + c + d === 0) return;
  const index = data.findIndex((value) => !Number.isFinite(value));
  throw new DataError(
    `${name}: element ${index} of ${data.length} is ${data[index]}; the training that made these weights diverged, take an earlier checkpoint of it`,
  );
}

async function checkTie(
  head: StoredParameter,
  embeddingName: string,
  embedding: StoredParameter,
): Promise<void> {
  const [{ data: ours }, { data: theirs }] = [await head.read(), await embedding.read()];
  if (!ours.every((value, index) => Object.is(value, theirs[index]))) {
    throw new DataError(
      `${head.origin} differs from ${embeddingName}, but config.json ties them; set "tie_word_embeddings" to false`,
    );
  }
}
