import { describe, expect, it } from "vitest";
import { narrow, readDeltas, wide } from "./delta.js";

const cursor = (...bytes: number[]) => ({ bytes: Buffer.from(bytes), position: 0 });

it("reads the format's own examples", () => {
  // 1 .. 5: blocks of 128 in 4 parts, 5 values, the first 1 (zigzag 2); least difference 1 (2), all of width 0.
  const steady = [0x80, 1, 4, 5, 2, 2, 0, 0, 0, 0];
  expect(readDeltas(cursor(...steady), narrow, 5)).toEqual([1, 2, 3, 4, 5]);
  expect(readDeltas(cursor(...steady), wide, 5)).toEqual([1n, 2n, 3n, 4n, 5n]);
  // 7 5 3 1 2 3 4 5: differences -2 -2 -2 1 1 1 1, the least -2 (zigzag 3); above it 0 0 0 3 3 3 3 in 2 bits,
  // 0b11000000 0b00111111, and the rest of the part's 8 bytes.
  const bytes = [0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0b11000000, 0b00111111, 0, 0, 0, 0, 0, 0];
  const place = cursor(...bytes);
  expect(readDeltas(place, narrow, 8)).toEqual([7, 5, 3, 1, 2, 3, 4, 5]);
  expect(place.position).toBe(bytes.length);
});

describe("refuses, before it takes memory or time for it", () => {
  const big = [0xff, 0xff, 0xff, 0xff, 7];
  it.each([
    ["more values than the page", [0x80, 1, 4, ...big, 2, 2, 0, 0, 0, 0], "2147483647 values of 5"],
    ["two billion parts", [...big, ...big, 5, 2, 2], "in blocks of 2147483647 in 2147483647 parts"],
    ["blocks of none", [0, 4, 5, 2, 2], "in blocks of 0 in 4 parts"],
    ["no parts", [0x80, 1, 0, 5, 2], "in blocks of 128 in 0 parts"],
    ["differences of 255 bits", [0x80, 1, 4, 5, 2, 2, 255, 0, 0, 0], "numbers of 255 bits"],
    ["a first value without an end", [0x80, 1, 4, 5, ...Array(99).fill(255)], "more than 64 bits"],
  ])("%s", (_name, bytes, message) => {
    expect(() => readDeltas(cursor(...bytes), wide, 5)).toThrow(message);
    expect(() => readDeltas(cursor(...bytes), narrow, 5)).toThrow(message);
  });
});
