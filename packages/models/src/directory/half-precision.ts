/** Conversions between float32 and the 16-bit formats, by bits: a call per value costs a hundred times as much. */

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

/** Rounds to float16, ties to even; NaN stays NaN. */
export function narrowToFloat16(values: Float32Array, bits: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const shifted = new Float32Array(1);
  const shiftedWord = new Uint32Array(shifted.buffer);
  for (let index = 0; index < values.length; index += 1) {
    const word = words[index]!;
    const magnitude = word & 0x7fffffff;
    let half: number;
    if (magnitude > 0x7f800000) {
      half = 0x7e00;
    } else if (magnitude >= 0x477ff000) {
      // From 65520, halfway between the largest float16 and the next power of two: infinity.
      half = 0x7c00;
    } else if (magnitude >= 0x38800000) {
      // From 2^-14, normal: the bias goes from 127 to 15, and 13 bits are rounded off.
      half = (magnitude - (112 << 23) + 0xfff + ((magnitude >>> 13) & 1)) >>> 13;
    } else {
      // Subnormal, a multiple of 2^-24: the spacing of float32 from 0.5 to 1, so the sum rounds as needed.
      shifted[0] = 0.5 + Math.abs(values[index]!);
      half = shiftedWord[0]! - 0x3f000000;
    }
    bits[index] = ((word >>> 16) & 0x8000) | half;
  }
}
