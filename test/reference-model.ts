/** A model directory together with what PyTorch computes from it; see packages/models/fixtures. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Backend, type DeviceTensor, float32, type HostTensor, int32, uploadAll } from "@alignkit/core";
import { type LoadedModelDirectory, readModelDirectory, readSafetensors } from "@alignkit/models";
import { expect } from "vitest";

const fixtures = fileURLToPath(new URL("../packages/models/fixtures/models/", import.meta.url));

export interface ReferenceModel extends LoadedModelDirectory {
  readonly expected: {
    readonly right: { readonly loss: number };
    readonly left: { readonly loss: number };
    readonly generation: { readonly max_new_tokens: number; readonly eos_run_eos_token_id: number };
  };
  /** Of `expected.safetensors`; integers as int32. */
  readonly arrays: ReadonlyMap<string, HostTensor>;
}

export async function readReferenceModel(name: string): Promise<ReferenceModel> {
  const directory = join(fixtures, name);
  return {
    ...(await readModelDirectory(directory)),
    expected: await readJson(join(directory, "expected.json")),
    arrays: await readArrays(join(directory, "expected.safetensors")),
  };
}

export interface PackedRows {
  readonly loss: number;
  readonly arrays: ReadonlyMap<string, HostTensor>;
}

/** Several documents per row, through the Llama fixture. */
export async function readPackedRows(): Promise<PackedRows> {
  const { loss } = await readJson<{ loss: number }>(join(fixtures, "llama/packing.json"));
  return { loss, arrays: await readArrays(join(fixtures, "llama/packing.safetensors")) };
}

export const readJson = async <T>(path: string): Promise<T> => JSON.parse(await readFile(path, "utf8"));

export async function readArrays(path: string): Promise<ReadonlyMap<string, HostTensor>> {
  const { tensors } = await readSafetensors(path);
  return new Map(
    [...tensors].map(([name, { data, shape }]) => [
      name,
      data instanceof Float32Array
        ? float32(data, shape)
        : int32(Int32Array.from(data as ArrayLike<number | bigint>, Number), shape),
    ]),
  );
}

export function array(arrays: ReadonlyMap<string, HostTensor>, name: string): HostTensor {
  const tensor = arrays.get(name);
  if (tensor === undefined)
    throw new Error(`the fixture has no ${name}; it has ${[...arrays.keys()].join(", ")}`);
  return tensor;
}

export const uploadParameters = (
  backend: Backend,
  { parameters }: LoadedModelDirectory,
): Promise<Record<string, DeviceTensor>> =>
  uploadAll(backend, hostParameters(parameters)) as Promise<Record<string, DeviceTensor>>;

export const hostParameters = (parameters: LoadedModelDirectory["parameters"]): Record<string, HostTensor> =>
  Object.fromEntries([...parameters].map(([name, { data, shape }]) => [name, float32(data, shape)]));

/** Flat rows `b * T + t` whose next token is labelled, and that token. */
export function labelledRows(labels: HostTensor): {
  readonly rows: HostTensor;
  readonly targets: HostTensor;
} {
  const [batch, length] = labels.type.shape as [number, number];
  const rows: number[] = [];
  const targets: number[] = [];
  for (let row = 0; row < batch; row++) {
    for (let t = 1; t < length; t++) {
      const label = labels.data[row * length + t] as number;
      if (label < 0) continue;
      rows.push(row * length + t - 1);
      targets.push(label);
    }
  }
  return { rows: int32(rows, [rows.length]), targets: int32(targets, [targets.length]) };
}

/** Flat rows of real tokens. */
export function realRows(attentionMask: HostTensor): HostTensor {
  const rows = [...attentionMask.data.keys()].filter((index) => attentionMask.data[index] === 1);
  return int32(rows, [rows.length]);
}

/** Rows of a tensor whose leading axes are flattened. */
export function rowsOf({ data, type }: HostTensor, rows: HostTensor): Float32Array {
  const width = type.shape.at(-1) as number;
  return Float32Array.from(
    [...rows.data].flatMap((row) => [...data.subarray(row * width, (row + 1) * width)]),
  );
}

/** Within `absolute + relative * |expected|` everywhere; NaN never is. */
export function expectClose(
  name: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  absolute: number,
  relative = 0,
): void {
  expect(actual.length, `${name}: length`).toBe(expected.length);
  for (let index = 0; index < expected.length; index++) {
    const wanted = expected[index] as number;
    const difference = Math.abs((actual[index] as number) - wanted);
    if (!(difference <= absolute + relative * Math.abs(wanted))) {
      expect.fail(`${name}[${index}] is ${actual[index]}, expected ${wanted}: off by ${difference}`);
    }
  }
}
