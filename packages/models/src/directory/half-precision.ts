import { setFloat16 } from "@petamoriken/float16";

/** Widens bfloat16 bits: a float32 without its lower half. */
export function widenBfloat16(bits: Uint16Array, result: Float32Array): void {
  const words = new Uint32Array(result.buffer, result.byteOffset, result.length);
  for (let index = 0; index < bits.length; index += 1) {
    words[index] = bits[index]! << 16;
  }
}

/**
 * Widens float16 bits.
 *
 * Exponent and mantissa are moved to their places in a float32 and the exponent's bias is mended by a product with
 * 2^(127 - 15), which is exact and makes subnormals right too; infinities and NaN get the full exponent back.
 */
export function widenFloat16(bits: Uint16Array, result: Float32Array): void {
  const words = new Uint32Array(result.buffer, result.byteOffset, result.length);
  const rebias = 2 ** 112;
  for (let index = 0; index < bits.length; index += 1) {
    const half = bits[index]!;
    words[index] = (half & 0x7fff) << 13;
    result[index] = result[index]! * rebias;
    const special = (half & 0x7c00) === 0x7c00 ? 0x7f800000 : 0;
    words[index] = words[index]! | special | ((half & 0x8000) << 16);
  }
}

/** Rounds to bfloat16, ties to even; NaN stays NaN. */
export function narrowToBfloat16(values: Float32Array, bits: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let index = 0; index < values.length; index += 1) {
    const word = words[index]!;
    const isNan = (word & 0x7fffffff) > 0x7f800000;
    bits[index] = isNan ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
}

/** Rounds to float16, ties to even. */
export function narrowToFloat16(values: Float32Array, bits: Uint16Array): void {
  const view = new DataView(bits.buffer, bits.byteOffset, bits.byteLength);
  for (let index = 0; index < values.length; index += 1) {
    setFloat16(view, 2 * index, values[index]!, true);
  }
}
