/** The weight files of a model directory: one, or shards with an index. */
import { join } from "node:path";
import { DataError } from "@alignkit/core";
import type { StoredTensor } from "./fit.js";
import { weightsFile, weightsIndexFile } from "./layout.js";
import { isNotFound, readJsonObject } from "./read-file.js";
import { openSafetensors, type SafetensorsFile } from "./safetensors-reader.js";

/** Opens the weight file, or all shards of the index, by name. */
export async function openWeights(directory: string): Promise<ReadonlyMap<string, SafetensorsFile>> {
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
        throw new DataError(
          `${indexPath}: says that ${tensor} is in ${name}, but it is not; fetch both files again`,
        );
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
        `${path}: ${tensor} is said to be in ${JSON.stringify(file)}, which is no safetensors file here; fetch the index again`,
      );
    }
    return [tensor, file] as const;
  });
  return new Map(entries);
}

/** All tensors of all files. */
export function storedTensors(
  directory: string,
  files: ReadonlyMap<string, SafetensorsFile>,
): ReadonlyMap<string, StoredTensor> {
  const stored = new Map<string, StoredTensor>();
  for (const [file, { tensors }] of files) {
    for (const [name, entry] of tensors) {
      const other = stored.get(name);
      if (other !== undefined) {
        throw new DataError(
          `${directory}: tensor ${name} is both in ${other.file} and in ${file}; remove the file that does not belong to the model`,
        );
      }
      stored.set(name, { file, entry });
    }
  }
  return stored;
}
