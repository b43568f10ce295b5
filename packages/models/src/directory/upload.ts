import { type Backend, type DeviceTensor, disposeAll, float32 } from "@alignkit/core";
import type { LoadedModelDirectory } from "./load.js";
import { openModelDirectory, type StoredParameter } from "./open.js";

/** A model whose weights are on a backend; the caller frees them. */
export interface UploadedModel
  extends Pick<LoadedModelDirectory, "config" | "head" | "generationConfig" | "dtypeOnDisk"> {
  readonly parameters: Readonly<Record<string, DeviceTensor>>;
}

/**
 * Reads a model directory onto a backend, one weight after the other: where the backend's memory is the host's without
 * a copy, elsewhere with one weight in between.
 * @throws {ConfigError | DataError} as `readModelDirectory`
 */
export async function uploadModelDirectory(backend: Backend, directory: string): Promise<UploadedModel> {
  const { stored, close, ...model } = await openModelDirectory(directory);
  const parameters: Record<string, DeviceTensor> = {};
  try {
    for (const [name, parameter] of stored) parameters[name] = await uploadOne(backend, parameter);
    return { ...model, parameters };
  } catch (error) {
    disposeAll(parameters);
    throw error;
  } finally {
    await close();
  }
}

async function uploadOne(backend: Backend, parameter: StoredParameter): Promise<DeviceTensor> {
  const { shape } = parameter;
  if (backend.uploadWith === undefined) return backend.upload(float32((await parameter.read()).data, shape));
  return backend.uploadWith({ dtype: "float32", shape }, (data) => parameter.readInto(data as Float32Array));
}
