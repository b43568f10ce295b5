import { mkdir } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { ConfigError, DataError, replaceDirectory, replaceFile } from "@alignkit/core";
import { toHuggingFaceConfig } from "../config.js";
import type { ParameterValue } from "../initialize.js";
import { trainableNames } from "../lora.js";
import type { LoraConfig } from "../lora-config.js";
import { parameterShapes } from "../parameters.js";
import { adapterPrefix, toAdapterConfig } from "./adapter-config.js";
import { isAdditionalTemplate, withChatTemplateInBothPlaces } from "./chat-template-files.js";
import { formatConfigJson } from "./config-json.js";
import {
  adapterConfigFile,
  adapterWeightsFile,
  additionalTemplatesFolder,
  configFile,
  generationConfigFile,
  shardFile,
  weightsFile,
  weightsIndexFile,
} from "./layout.js";
import type { ModelDirectory } from "./load.js";
import { type SafetensorsTensor, safetensorsDtypes } from "./safetensors-dtypes.js";
import { writeSafetensors } from "./safetensors-writer.js";

/** How weights are stored; 16-bit ones are rounded to even. */
export type WeightDtype = "F32" | "F16" | "BF16";

/** What a model directory holds besides its model. */
export interface WriteModelOptions {
  /** Replace a directory that is not empty. */
  readonly overwrite?: boolean;
  /** Bytes of weights in one file; more are split into shards with an index. 5 GB, as transformers has it. */
  readonly maxShardSize?: number;
  readonly dtype?: WeightDtype;
  /** Further files by name, such as the tokenizer's; a chat template among them is written in both of its places. */
  readonly files?: ReadonlyMap<string, Uint8Array | string>;
  /** The weights in another format, in place of safetensors: files by path within the directory. */
  readonly weights?: ReadonlyMap<string, Uint8Array>;
}

/** Torch's names, as `config.json` has them. */
const torchDtypes: Readonly<Record<WeightDtype, string>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

/**
 * Writes a model directory that transformers reads: `config.json`, weights, `generation_config.json`, further files; of
 * a model with an adapter, only the adapter, as peft reads it.
 *
 * Everything is written to a directory beside it and renamed when complete, so that `directory` never holds half a
 * model. Weights go to the file without a copy.
 * @throws {ConfigError} when `directory` is not empty and `overwrite` is not set, or a further file's name is not plain
 * @throws {DataError} when the parameters are not those of the configuration, all of it named at once
 */
export async function writeModelDirectory(
  directory: string,
  model: ModelDirectory,
  options: WriteModelOptions = {},
): Promise<void> {
  const { overwrite = false, maxShardSize = 5e9, dtype = "F32" } = options;
  const files = withChatTemplateInBothPlaces(options.files ?? new Map());
  checkParameters(directory, model);
  const ours = new Set([
    configFile,
    generationConfigFile,
    weightsFile,
    weightsIndexFile,
    adapterConfigFile,
    adapterWeightsFile,
  ]);
  for (const name of files.keys()) {
    const plain = isAdditionalTemplate(name) ? name.slice(additionalTemplatesFolder.length + 1) : name;
    if (ours.has(name) || name === "." || name === ".." || /[/\\]/.test(plain) || name === "") {
      throw new ConfigError(`${directory}: ${JSON.stringify(name)} cannot be the name of a further file`);
    }
  }
  const write = model.config.lora === null ? writeWhole : writeAdapter;
  await replaceDirectory(directory, overwrite, async (temporary) => {
    for (const [name, contents] of files) {
      await mkdir(join(temporary, dirname(name)), { recursive: true });
      await writeText(join(temporary, name), contents);
    }
    await write(temporary, model, { dtype, maxShardSize, directory, weights: options.weights });
  });
}

interface WriteSettings {
  readonly dtype: WeightDtype;
  readonly maxShardSize: number;
  /** What the directory is to be called. */
  readonly directory: string;
  readonly weights: ReadonlyMap<string, Uint8Array> | undefined;
}

const writeText = (path: string, contents: Uint8Array | string) =>
  replaceFile(path, async (handle) => {
    await handle.writeFile(contents);
  });

async function writeWhole(
  temporary: string,
  model: ModelDirectory,
  { dtype, maxShardSize, weights }: WriteSettings,
): Promise<void> {
  const config = toHuggingFaceConfig(model.config, model.head, torchDtypes[dtype]);
  await writeText(join(temporary, configFile), formatConfigJson(config));
  const generationConfig = model.generationConfig ?? newGenerationConfig(model);
  if (generationConfig !== null) {
    await writeText(join(temporary, generationConfigFile), formatConfigJson(generationConfig));
  }
  if (weights !== undefined) {
    for (const [path, bytes] of weights) {
      await mkdir(join(temporary, dirname(path)), { recursive: true });
      await writeText(join(temporary, path), bytes);
    }
    return;
  }
  const shards = splitIntoShards(model.parameters, dtype, maxShardSize);
  const names = shards.map((_, index) =>
    shards.length === 1 ? weightsFile : shardFile(index, shards.length),
  );
  for (const [index, shard] of shards.entries()) {
    await writeSafetensors(join(temporary, names[index]!), shard);
  }
  if (shards.length > 1) {
    const index = `${JSON.stringify(weightIndex(shards, names), null, 2)}\n`;
    await writeText(join(temporary, weightsIndexFile), index);
  }
}

/** Only what training has changed, and where the rest is, as seen from the directory. */
async function writeAdapter(
  temporary: string,
  { config, head, parameters }: ModelDirectory,
  { dtype, directory }: WriteSettings,
): Promise<void> {
  const lora = config.lora as LoraConfig;
  const basePath = relative(resolve(directory), resolve(lora.base));
  const fields = toAdapterConfig(config, lora, head, basePath);
  await writeText(join(temporary, adapterConfigFile), formatConfigJson(fields));
  const tensors = trainableNames(config, head).map((name) => {
    const { shape, data } = parameters.get(name)!;
    return [`${adapterPrefix}${name}`, { dtype, shape, data }] as const;
  });
  await writeSafetensors(join(temporary, adapterWeightsFile), new Map(tensors));
}

function checkParameters(directory: string, { config, head, parameters }: ModelDirectory): void {
  const expected = parameterShapes(config, head);
  const problems = [...parameters.keys()]
    .filter((name) => !expected.has(name))
    .map((name) => `unexpected ${name}`);
  for (const [name, shape] of expected) {
    const parameter = parameters.get(name);
    if (parameter === undefined) {
      problems.push(`missing ${name} [${shape.join(", ")}]`);
    } else if (shape.join() !== parameter.shape.join()) {
      problems.push(
        `${name} has shape [${parameter.shape.join(", ")}], the config asks for [${shape.join(", ")}]`,
      );
    }
  }
  if (problems.length > 0) {
    throw new DataError(
      `${directory}: the parameters do not fit the config (${config.family}, ${head} head): ${problems.join("; ")}`,
      { details: { directory, problems } },
    );
  }
}

/** What transformers derives from `config.json` for a model that generates. */
function newGenerationConfig({ config, head }: ModelDirectory): Readonly<Record<string, unknown>> | null {
  if (head !== "language_model") {
    return null;
  }
  const written = toHuggingFaceConfig(config, head);
  const tokens = ["bos_token_id", "eos_token_id", "pad_token_id"];
  return {
    _from_model_config: true,
    ...Object.fromEntries(tokens.map((key) => [key, written[key] ?? null])),
  };
}

/** Fills one file after the other, in the order of the parameters; a parameter larger than the limit has its own. */
function splitIntoShards(
  parameters: ReadonlyMap<string, ParameterValue>,
  dtype: WeightDtype,
  maxShardSize: number,
): readonly ReadonlyMap<string, SafetensorsTensor>[] {
  let current = new Map<string, SafetensorsTensor>();
  const shards = [current];
  let size = 0;
  for (const [name, { shape, data }] of parameters) {
    const bytes = data.length * safetensorsDtypes[dtype].bytes;
    if (current.size > 0 && size + bytes > maxShardSize) {
      current = new Map();
      shards.push(current);
      size = 0;
    }
    current.set(name, { dtype, shape, data });
    size += bytes;
  }
  return shards;
}

function weightIndex(shards: readonly ReadonlyMap<string, SafetensorsTensor>[], names: readonly string[]) {
  const located = shards.flatMap((shard, index) =>
    [...shard].map(([tensor, { dtype, data }]) => ({
      tensor,
      file: names[index]!,
      count: data.length,
      bytes: data.length * safetensorsDtypes[dtype].bytes,
    })),
  );
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  return {
    metadata: {
      total_parameters: sum(located.map(({ count }) => count)),
      total_size: sum(located.map(({ bytes }) => bytes)),
    },
    weight_map: Object.fromEntries(
      located.toSorted((a, b) => (a.tensor < b.tensor ? -1 : 1)).map(({ tensor, file }) => [tensor, file]),
    ),
  };
}
