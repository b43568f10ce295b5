/** Model directories whose float32 file becomes the memory of ONNX Runtime. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { type Backend, createRandom, type DeviceTensor, disposeAll } from "@alignkit/core";
import {
  createModelConfig,
  createScorer,
  initializeParameters,
  type ModelDirectory,
  readModelDirectory,
  uploadModelDirectory,
  writeModelDirectory,
} from "@alignkit/models";
import { afterAll, beforeAll, expect, it } from "vitest";

// An embedding of 500 x 96 floats, 192 kB, and matrices of 36 kB and more: some tensors are mapped, some are read.
const config = createModelConfig({
  model_type: "gpt2",
  vocab_size: 500,
  n_positions: 32,
  n_embd: 96,
  n_layer: 2,
  n_head: 4,
});
const model = (seed: number): ModelDirectory => ({
  config,
  head: "language_model",
  parameters: initializeParameters(config, "language_model", createRandom(seed)),
  generationConfig: null,
});
const sequences = [{ ids: [7, 499, 3, 21, 8] }, { ids: [1, 2, 3] }];

async function expectEqual(
  uploaded: Readonly<Record<string, DeviceTensor>>,
  { parameters }: ModelDirectory,
): Promise<void> {
  for (const [name, { data }] of parameters) {
    const read = (await uploaded[name]?.read())?.data as Float32Array;
    const same = Buffer.from(read.buffer, read.byteOffset, read.byteLength).equals(
      Buffer.from(data.buffer, data.byteOffset, data.byteLength),
    );
    expect(same, name).toBe(true);
  }
}

let folder: string;
let backend: Backend;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "alignkit-upload-"));
  backend = await createOnnxBackend({ threads: 1 });
});
afterAll(async () => {
  await backend.dispose();
  await rm(folder, { recursive: true });
});

it("gives the numbers of the file, also once another has taken its name", async () => {
  const directory = join(folder, "model");
  await writeModelDirectory(directory, model(1));
  const { parameters } = await uploadModelDirectory(backend, directory);
  const scorer = createScorer(backend, config, parameters);
  const before = await scorer.logProbs(sequences);
  await writeModelDirectory(directory, model(2), { overwrite: true });
  await expectEqual(parameters, model(1));
  expect(await scorer.logProbs(sequences)).toEqual(before);
  await scorer.dispose();
  disposeAll(parameters);

  // The memory that was given back is used anew.
  const second = await uploadModelDirectory(backend, directory);
  await expectEqual(second.parameters, await readModelDirectory(directory));
  disposeAll(second.parameters);
});

it("refuses a weight that is not finite, wherever it stands", async () => {
  const directory = join(folder, "diverged");
  await writeModelDirectory(directory, model(1));
  const path = join(directory, "model.safetensors");
  const bytes = await readFile(path);
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString());
  const [start, end] = header["transformer.wte.weight"].data_offsets as [number, number];
  expect(end - start).toBe(500 * 96 * 4);
  bytes.writeFloatLE(Number.NaN, 8 + Number(bytes.readBigUInt64LE(0)) + end - 4);
  await writeFile(path, bytes);
  await expect(uploadModelDirectory(backend, directory)).rejects.toThrow(
    "model.safetensors: transformer.wte.weight: element 47999 of 48000 is NaN",
  );
});
