import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { readSafetensors } from "./safetensors-reader.js";

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
function valueOf(written: number | string | boolean, dtype: string): number | bigint {
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
      expect([...tensor.data]).toStrictEqual(expected.values.map((value) => valueOf(value, expected.dtype)));
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
