import { describe, expect, it } from "vitest";
import { readHybrid } from "./hybrid.js";

const next = (width: number, ...bytes: number[]) => readHybrid(Buffer.from(bytes), width, "levels");
const take = (read: () => number, count: number) => Array.from({ length: count }, read);

it("reads runs of one number and of packed ones", () => {
  // Three times 2 (header 3 << 1), then eight packed into 3 bits: 0 1 2 .. 7, as the format's page on encodings has it.
  const bytes = [6, 2, 3, 0b10001000, 0b11000110, 0b11111010];
  expect(take(next(3, ...bytes), 11)).toEqual([2, 2, 2, 0, 1, 2, 3, 4, 5, 6, 7]);
  // 0x12345 in 17 bits takes three bytes.
  expect(take(next(17, 2, 0x45, 0x23, 0x01), 1)).toEqual([0x12345]);
  // Of width 0 nothing is stored.
  expect(take(next(0), 3)).toEqual([0, 0, 0]);
});

describe("takes nothing for what a run claims", () => {
  it("two billion of one number", () => {
    expect(take(next(1, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1), 4)).toEqual([1, 1, 1, 1]);
  });

  it.each([
    ["more packed numbers than bytes", next(1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xff), 9],
    ["runs of none", next(1, 0, 0, 0, 0), 1],
    ["no bytes", next(1), 1],
  ])("%s", (_name, read, count) => {
    expect(() => take(read, count)).toThrow("levels ");
  });

  it("numbers of 33 bits", () => {
    expect(() => next(33, 2, 0)).toThrow("levels has numbers of 33 bits");
  });
});
