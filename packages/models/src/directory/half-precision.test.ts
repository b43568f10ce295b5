import { Float16Array } from "@petamoriken/float16";
import { describe, expect, it } from "vitest";
import { narrowToBfloat16, narrowToFloat16, widenBfloat16, widenFloat16 } from "./half-precision.js";

const everyPattern = Uint16Array.from({ length: 65_536 }, (_, index) => index);
const numbers = (bits: Uint16Array) => [
  ...new Float32Array(new Float16Array(bits.buffer, bits.byteOffset, bits.length)),
];

describe("float16", () => {
  it("widens every bit pattern as an independent implementation does", () => {
    const widened = new Float32Array(65_536);
    widenFloat16(everyPattern, widened);
    const expected = numbers(everyPattern);
    expect(expected.findIndex((value, index) => !Object.is(value, widened[index]))).toBe(-1);
  });

  it("narrows every float16 value and every midpoint between two as an independent implementation does", () => {
    const values = new Float32Array(3 * 65_536);
    const widened = new Float32Array(65_536);
    widenFloat16(everyPattern, widened);
    for (let index = 0; index < 65_536; index += 1) {
      const middle = Math.fround((widened[index]! + (widened[index + 1] ?? 0)) / 2);
      values.set([widened[index]!, middle, Math.fround(middle * (1 + 2 ** -23))], 3 * index);
    }
    const bits = new Uint16Array(values.length);
    narrowToFloat16(values, bits);
    const expected = new Float32Array(Float16Array.from(values));
    expect(numbers(bits).findIndex((value, index) => !Object.is(value, expected[index]))).toBe(-1);
  });

  it("turns to infinity halfway past its largest value", () => {
    // The largest float16 is 65504 and the next would be 65536; the tie 65520 goes to the even one, infinity.
    const bits = new Uint16Array(4);
    narrowToFloat16(Float32Array.of(65504, 65519.996, 65520, -1e30), bits);
    expect([...bits]).toEqual([0x7bff, 0x7bff, 0x7c00, 0xfc00]);
  });

  it("rounds what is below half its smallest value to zero and keeps the sign", () => {
    // The smallest is 2^-24; the tie 2^-25 goes to the even one, 0.
    const bits = new Uint16Array(4);
    narrowToFloat16(Float32Array.of(2 ** -24, 2 ** -25, -(2 ** -25), 2 ** -25 * (1 + 2 ** -23)), bits);
    expect([...bits]).toEqual([0x0001, 0x0000, 0x8000, 0x0001]);
  });
});

describe("bfloat16", () => {
  it("narrows what it has widened to the same bits", () => {
    const widened = new Float32Array(65_536);
    widenBfloat16(everyPattern, widened);
    const bits = new Uint16Array(65_536);
    narrowToBfloat16(widened, bits);
    const different = [...everyPattern].filter((pattern) => bits[pattern] !== pattern);
    // Only signalling NaN change: they become quiet.
    expect(different.every((pattern) => Number.isNaN(widened[pattern]))).toBe(true);
    expect(different.every((pattern) => bits[pattern] === (pattern | 0x40))).toBe(true);
  });

  it("rounds ties to even", () => {
    // Between 1 and 2 its step is 2^-7 (0x3f80 is 1): 1 + 2^-8 is halfway and goes down, 1 + 3 * 2^-8 goes up.
    const bits = new Uint16Array(4);
    narrowToBfloat16(Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, 3.4e38), bits);
    expect([...bits]).toEqual([0x3f80, 0x3f82, 0x3f81, 0x7f80]);
  });
});
