import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SafetensorsTensor } from "./safetensors-dtypes.js";
import { readSafetensors } from "./safetensors-reader.js";
import { writeSafetensors } from "./safetensors-writer.js";

const fixtures = join(import.meta.dirname, "../../fixtures");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "alignkit-safetensors-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("writeSafetensors", () => {
  it.each([
    "models/gpt2/model.safetensors",
    "models/gpt2/expected.safetensors",
    "models/gpt2/hub_layout/model.safetensors",
    "models/llama/model.safetensors",
    "models/llama/expected.safetensors",
    "models/llama/packing.safetensors",
    "models/scalar/model.safetensors",
  ])("writes %s as the reference library did, byte for byte", async (name) => {
    const original = join(fixtures, name);
    const { tensors, metadata } = await readSafetensors(original);
    const path = join(folder, "again.safetensors");
    await writeSafetensors(path, new Map([...tensors].reverse()), Object.fromEntries(metadata ?? []));
    expect((await readFile(path)).equals(await readFile(original))).toBe(true);
  });

  it("keeps every dtype, shape, name and value", async () => {
    const shape = [2, 3];
    const tensors = new Map<string, SafetensorsTensor>([
      ["__proto__", { dtype: "BOOL", shape: [2], data: Uint8Array.of(0, 1) }],
      ["", { dtype: "U8", shape: [], data: Uint8Array.of(255) }],
      ['模型 "\\\n', { dtype: "I8", shape: [1], data: Int8Array.of(-128) }],
      ["i16", { dtype: "I16", shape: [1], data: Int16Array.of(-32768) }],
      ["u16", { dtype: "U16", shape: [1], data: Uint16Array.of(65535) }],
      ["f16", { dtype: "F16", shape, data: Float32Array.of(0, -0, 1.5, 65504, Number.NaN, -Infinity) }],
      ["bf16", { dtype: "BF16", shape, data: Float32Array.of(0, -0, 1.5, 2 ** 100, Number.NaN, -Infinity) }],
      ["i32", { dtype: "I32", shape: [1], data: Int32Array.of(-(2 ** 31)) }],
      ["u32", { dtype: "U32", shape: [1], data: Uint32Array.of(2 ** 32 - 1) }],
      ["f32", { dtype: "F32", shape, data: Float32Array.of(0, -0, 1e-45, 3e38, Number.NaN, Infinity) }],
      ["empty", { dtype: "F32", shape: [3, 0, 2], data: new Float32Array(0) }],
      ["f64", { dtype: "F64", shape: [2], data: Float64Array.of(0.1, 5e-324) }],
      ["i64", { dtype: "I64", shape: [1], data: BigInt64Array.of(-(2n ** 63n)) }],
      ["u64", { dtype: "U64", shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) }],
    ]);
    const path = join(folder, "all.safetensors");
    await writeSafetensors(path, tensors, { format: "pt", note: "é" });
    const contents = await readSafetensors(path);
    expect(contents.metadata).toEqual(
      new Map([
        ["format", "pt"],
        ["note", "é"],
      ]),
    );
    expect([...contents.tensors.keys()]).toEqual([
      "u64",
      "i64",
      "f64",
      "empty",
      "f32",
      "u32",
      "i32",
      "bf16",
      "f16",
      "u16",
      "i16",
      '模型 "\\\n',
      "",
      "__proto__",
    ]);
    for (const [name, tensor] of tensors) {
      expect(contents.tensors.get(name)).toStrictEqual(tensor);
    }
  });

  it("writes views into larger buffers, and 16-bit values beyond one piece", async () => {
    const whole = Float32Array.from({ length: 300_001 }, (_, index) => index % 256);
    const tensors = new Map<string, SafetensorsTensor>([
      ["view", { dtype: "F32", shape: [2, 5], data: whole.subarray(7, 17) }],
      ["long", { dtype: "BF16", shape: [300_001], data: whole }],
    ]);
    const path = join(folder, "views.safetensors");
    await writeSafetensors(path, tensors);
    const read = await readSafetensors(path);
    expect([...read.tensors.get("view")!.data]).toEqual([7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    const long = read.tensors.get("long")!.data;
    expect(Buffer.from(long.buffer).equals(Buffer.from(whole.buffer))).toBe(true);
  });

  it("leaves what is there, and nothing else, when it fails", async () => {
    const path = join(folder, "kept", "w.safetensors");
    await expect(writeSafetensors(path, new Map())).rejects.toThrow("ENOENT");
    const tensors = new Map<string, SafetensorsTensor>([
      ["w", { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) }],
    ]);
    const target = join(folder, "target.safetensors");
    await writeSafetensors(target, tensors);
    const before = await readdir(folder);
    const detached = new Float32Array(4);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    await expect(
      writeSafetensors(target, new Map([["w", { dtype: "F32", shape: [4], data: detached }]])),
    ).rejects.toThrow('tensor "w": shape [4] has 4 values, but its data has 0');
    expect(await readdir(folder)).toEqual(before);
    expect([...(await readSafetensors(target)).tensors.get("w")!.data]).toEqual([1, 2]);
  });

  it("refuses names that cannot be written", async () => {
    const tensor: SafetensorsTensor = { dtype: "F32", shape: [1], data: Float32Array.of(1) };
    const path = join(folder, "names.safetensors");
    await expect(writeSafetensors(path, new Map([["__metadata__", tensor]]))).rejects.toThrow(
      "cannot be the name",
    );
    await expect(writeSafetensors(path, new Map([["\ud800", tensor]]))).rejects.toThrow("cannot be the name");
  });
});
