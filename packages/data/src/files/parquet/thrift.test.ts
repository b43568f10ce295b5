import { describe, expect, it } from "vitest";
import { readStruct } from "./thrift.js";

const read = (...bytes: number[]) => readStruct({ bytes: Buffer.from(bytes), position: 0 }, "the footer");

it("reads numbers, texts, booleans, lists and structs by their fields", () => {
  // 1: i32 -3 (zigzag 5); 2: true; 3: binary "ab"; 5: list of two i32, 1 and 300; 6: struct { 1: false }
  const struct = read(0x15, 5, 0x11, 0x18, 2, 97, 98, 0x29, 0x25, 2, 0xd8, 4, 0x1c, 0x12, 0, 0);
  expect(struct).toEqual({ 1: -3, 2: true, 3: Buffer.from("ab"), 5: [1, 300], 6: { 1: false } });
});

describe("refuses, before it takes memory or time for it", () => {
  it.each([
    ["a struct without an end", [0x15, 5], "the footer has 0 bytes left where 1 are needed"],
    ["a text longer than what is left", [0x18, 0xff, 0x7f, 1], "the footer has 1 bytes left where 16383 are"],
    ["a list of two billion", [0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 7, 0], "the footer ends within a number"],
    ["a number without an end", [0x16, ...Array(99).fill(0xff)], "a number of more than 64 bits"],
    ["structs within structs", Array(99).fill(0x1c), "nested more than 24 deep"],
    ["lists within lists", [0x19, ...Array(99).fill(0x19)], "nested more than 24 deep"],
    ["a kind that there is not", [0x1f], "a value of the unknown kind 15"],
  ])("%s", (_name, bytes, message) => {
    expect(() => read(...bytes)).toThrow(message);
  });
});
