import { input } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { createSizeReader, evaluateSize, type FreeSize } from "./dimensions.js";

const graph = (batch: number, time: number, slots: number) => ({
  inputs: [
    input("ids", { dtype: "int32", shape: [batch, time] }),
    input("mask", { dtype: "float32", shape: [batch, 4] }),
    input("room", { dtype: "int32", shape: [batch, slots] }),
  ],
  outputs: [],
});
const reader = createSizeReader(graph(11, 17, 31), graph(13, 19, 37));
const [batch, time, slots] = reader.symbols as [FreeSize, FreeSize, FreeSize];
const values = new Map([
  [batch, 3],
  [time, 5],
  [slots, 9],
]);

describe("sizes read from two traces", () => {
  it("finds each free axis once, where it stands first", () => {
    expect(reader.symbols.map(({ input: at, axis, sizes }) => [at, axis, ...sizes])).toEqual([
      [0, 0, 11, 13],
      [0, 1, 17, 19],
      [2, 1, 31, 37],
    ]);
  });

  it.each([
    ["a fixed size", 4, 4, 4],
    ["a free axis", 11, 13, 3],
    ["a product, B T", 187, 247, 15],
    ["a multiple, 2 B", 22, 26, 6],
    ["a multiple of a product, 4 B T", 748, 988, 60],
    ["a sum, T + 1", 18, 20, 6],
    ["a difference, T - 1", 16, 18, 4],
    ["a difference of two, S - T", 14, 18, 4],
  ])("reads %s", (_, first, second, expected) => {
    expect(evaluateSize(reader.read(first, second), values)).toBe(expected);
  });

  it("refuses a size that follows from nothing", () => {
    expect(() => reader.read(100, 7)).toThrow(
      "onnx: a size of 100 or 7 does not follow from the free axes (11 or 13, 17 or 19, 31 or 37)",
    );
  });
});
