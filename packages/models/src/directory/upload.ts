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
 * a copy, elsewhere with one weight in between. Float32 files may become the memory themselves: as long as the model
 * lives they must not be cut or written over; a new file may take their name, as `writeModelDirectory` does it.
 * @throws {ConfigError | DataError} as `readModelDirectory`
 */
export async function uploadModelDirectory(backend: Backend, directory: string): Promise<UploadedModel> {
  const { stored, close, ...model } = await openModelDirectory(directory);
  const names = [...stored.keys()];
  const uploaded = new Map<string, DeviceTensor>();
  let next = 0;
  // One is read while another is checked.
  const work = async (): Promise<void> => {
    while (next < names.length) {
      const name = names[next++] as string;
      uploaded.set(name, await uploadOne(backend, stored.get(name) as StoredParameter));
    }
  };
  const workers = Array.from({ length: backend.uploadWith === undefined ? 1 : 2 }, work);
  try {
    await Promise.all(workers);
    return {
      ...model,
      parameters: Object.fromEntries(names.map((name) => [name, uploaded.get(name)])) as Record<
        string,
        DeviceTensor
      >,
    };
  } catch (error) {
    next = names.length;
    await Promise.allSettled(workers);
    disposeAll(Object.fromEntries(uploaded));
    throw error;
  } finally {
    await close();
  }
}

async function uploadOne(backend: Backend, parameter: StoredParameter): Promise<DeviceTensor> {
  const { shape } = parameter;
  if (backend.uploadWith === undefined) return backend.upload(float32((await parameter.read()).data, shape));
  return backend.uploadWith(
    { dtype: "float32", shape },
    (data, isFilled) => parameter.readInto(data as Float32Array, isFilled),
    parameter.region,
  );
}
