import { brotliCompressSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { unpack } from "./unpack.js";

const zeros = Buffer.alloc(2 ** 22);

describe("a page that unpacks to more than it says stops there", () => {
  it.each([
    ["gzip", 2, gzipSync(zeros)],
    ["brotli", 4, brotliCompressSync(zeros)],
  ])("%s", (_name, codec, packed) => {
    expect(unpack(codec, packed, zeros.length).equals(zeros)).toBe(true);
    expect(() => unpack(codec, packed, 1000)).toThrow(
      `a page of ${packed.length} bytes does not unpack to 1000`,
    );
    expect(() => unpack(codec, packed, zeros.length + 1)).toThrow(`unpacks to ${zeros.length} bytes`);
  });
});

it("a page of a few bytes does not become gigabytes", () => {
  expect(() => unpack(6, Buffer.alloc(20), 2 ** 31 - 1)).toThrow(
    "a page of 20 bytes claims to unpack to 2147483647",
  );
  expect(() => unpack(1, Buffer.alloc(20), -1)).toThrow("claims to unpack to -1");
});

it("a block of lz4 of a size below zero does not lead back to itself", () => {
  expect(() => unpack(5, Buffer.from([0, 0, 0, 0, 255, 255, 255, 248, 0, 0, 0, 0]), 4)).toThrow(
    "does not unpack",
  );
});
