import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataError } from "@alignkit/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSafetensors, readSafetensors } from "./safetensors-reader.js";

const fixtures = join(import.meta.dirname, "../../fixtures/safetensors");

interface Manifest {
  readonly must_load: readonly {
    readonly file: string;
    readonly about: string;
    readonly metadata: Readonly<Record<string, string>> | null;
    readonly tensors: Readonly<Record<string, ManifestTensor>>;
  }[];
  readonly must_reject: readonly {
    readonly file: string;
    readonly about: string;
    readonly error_should_mention: string;
  }[];
}

interface ManifestTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: readonly (number | string | boolean)[];
}

// A reviver-free parse keeps "__proto__" as an own key.
const manifest = JSON.parse(readFileSync(join(fixtures, "manifest.json"), "utf8")) as Manifest;

/** The manifest's spelling of values, as in memory: booleans are 0 and 1. */
function valueInMemory(written: number | string | boolean, dtype: string): number | bigint {
  if (typeof written === "boolean") return written ? 1 : 0;
  return dtype === "I64" || dtype === "U64" ? BigInt(written) : Number(written);
}

describe("files that must load", () => {
  it.each(manifest.must_load)("$file: $about", async ({ file, metadata, tensors }) => {
    const contents = await readSafetensors(join(fixtures, file));
    expect(contents.metadata).toEqual(metadata === null ? null : new Map(Object.entries(metadata)));
    expect([...contents.tensors.keys()].sort()).toEqual(Object.keys(tensors).sort());
    for (const [name, expected] of Object.entries(tensors)) {
      const tensor = contents.tensors.get(name)!;
      expect(tensor.dtype).toBe(expected.dtype);
      expect(tensor.shape).toEqual(expected.shape);
      // toStrictEqual tells -0 from 0 and takes NaN for NaN.
      expect([...tensor.data]).toStrictEqual(
        expected.values.map((value) => valueInMemory(value, expected.dtype)),
      );
    }
  });

  it("are all of the manifest", () => {
    expect(manifest.must_load).toHaveLength(31);
    expect(manifest.must_reject).toHaveLength(53);
  });
});

describe("files that must be refused", () => {
  it.each(manifest.must_reject)("$file: $about", async ({ file, error_should_mention: topic }) => {
    const path = join(fixtures, file);
    const error = await readSafetensors(path).then(
      () => expect.fail("it was read"),
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(DataError);
    const { message } = error as DataError;
    expect(message).toContain(path);
    const topics = topic.split(" / ").map((text) => text.toLowerCase());
    expect(topics.filter((text) => message.slice(path.length).toLowerCase().includes(text))).not.toEqual([]);
  });
});

describe("openSafetensors", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "alignkit-reader-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Writes a file of this header and so many bytes of data, and gives the error it is refused with. */
  async function refusal(header: string, dataBytes: number): Promise<string> {
    const path = join(folder, "case.safetensors");
    const bytes = Buffer.alloc(8 + Buffer.byteLength(header) + dataBytes);
    bytes.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
    bytes.write(header, 8);
    writeFileSync(path, bytes);
    const error = await openSafetensors(path).then(
      async (file) => {
        await file.close();
        return expect.fail("it was opened");
      },
      (thrown: unknown) => thrown as Error,
    );
    return error.message.replace(`${path}: `, "");
  }

  it("says what is wrong, with file and tensor", async () => {
    const entry = (shape: string, offsets: string, dtype = "F32") =>
      `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
    const messages = [
      await refusal(`{"w":${entry("[2]", "[0,8]", "F8_E4M3")}}`, 8),
      await refusal(`{"w":${entry("[2]", "[0,12]")}}`, 12),
      await refusal(`{"w":${entry("[1e1]", "[0,40]")}}`, 40),
      await refusal(`{"w":${entry("[2]", "[0,8]")},"v":${entry("[2]", "[4,12]")}}`, 12),
      await refusal(`{"w":${entry("[2]", "[0,8]")},"v":${entry("[2]", "[12,20]")}}`, 20),
      await refusal(`{"w":${entry("[2]", "[0,8]")}}`, 7),
      await refusal(`{"w":${entry("[2]", "[0,8]")}}`, 9),
      await refusal(`{"w":${entry("[4611686018427387904,8,0]", "[0,0]")}}`, 0),
      await refusal(`{"w":${entry("[0]", "[4,4]")},"v":${entry("[2]", "[0,8]")}}`, 8),
      await refusal(`{"w":${entry("[1]", "[0,4]")},"w":${entry("[1]", "[0,4]")}}`, 4),
    ];
    expect(messages).toMatchInlineSnapshot(`
      [
        "tensor "w": dtype "F8_E4M3" is not supported; save it as one of BOOL, U8, I8, I16, U16, F16, BF16, I32, U32, F32, F64, I64, U64",
        "tensor "w": its shape [2] of F32 has a size of 8 bytes, but its data_offsets span 12; fetch the file again, or save it again with the program that wrote it",
        "tensor "w": shape must be integers of at least 0; found 1e1; fetch the file again, or save it again with the program that wrote it",
        "tensor "v": overlap: its data offset 4 lies before byte 8, the end of tensor "w"; fetch the file again, or save it again with the program that wrote it",
        "tensor "v": gap: its data offset 12 lies after byte 8, the end of tensor "w"; fetch the file again, or save it again with the program that wrote it",
        "tensor "w": truncated: its data offsets end at byte 8, but the file has 7 bytes of data; fetch the file again, or save it again with the program that wrote it",
        "trailing data: the header's tensors end at byte 8, but the file has 9 bytes of data (incomplete header?); fetch the file again, or save it again with the program that wrote it",
        "tensor "w": shape [4611686018427387904, 8, 0] overflows: it has more elements than 64 bits can count; fetch the file again, or save it again with the program that wrote it",
        "tensor "w": overlap: its data offset 4 lies before byte 8, the end of tensor "v"; fetch the file again, or save it again with the program that wrote it",
        "header is not valid JSON: duplicate key "w" at character 57; fetch the file again, or save it again with the program that wrote it",
      ]
    `);
  });

  it("refuses a folder and a file that is not there", async () => {
    await expect(openSafetensors(folder)).rejects.toThrow(`${folder}: is not a file`);
    await expect(openSafetensors(join(folder, "none"))).rejects.toThrow(
      `${join(folder, "none")}: cannot be opened`,
    );
  });

  it("reads one tensor on demand and says when there is none of that name", async () => {
    const file = await openSafetensors(join(fixtures, "ok_unaligned_tensor.safetensors"));
    // After 8 bytes of length, 167 of header, and the flag.
    expect(file.tensors.get("x")).toEqual({
      dtype: "F32",
      shape: [3],
      byteOffset: 176,
      byteLength: 12,
    });
    expect([...(await file.read("flag")).data]).toEqual([1]);
    await expect(file.read("toString")).rejects.toThrow('has no tensor "toString"');
    await file.close();
  });

  it("notices a file that is cut while it is read", async () => {
    const path = join(folder, "cut.safetensors");
    const bytes = readFileSync(join(fixtures, "ok_plain.safetensors"));
    writeFileSync(path, bytes);
    const file = await openSafetensors(path);
    writeFileSync(path, bytes.subarray(0, bytes.length - 4));
    await expect(file.read("b")).rejects.toThrow("truncated");
    await file.close();
  });
});
