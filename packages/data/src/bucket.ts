/**
 * The smallest allowed length that holds `length`, so that few graphs are compiled.
 * @param buckets - a number of which lengths are multiples, or the allowed lengths in any order
 * @throws {RangeError} when no bucket is long enough
 */
export function bucketLength(length: number, buckets: number | readonly number[]): number {
  if (typeof buckets === "number") return Math.max(1, Math.ceil(length / buckets)) * buckets;
  const fitting = buckets.filter((bucket) => bucket >= length);
  if (fitting.length === 0) {
    throw new RangeError(`bucketLength: ${length} is longer than every bucket of [${buckets.join(", ")}]`);
  }
  return Math.min(...fitting);
}

/**
 * Sizes are rounded up to multiples of this: an eighth to a quarter of the size, so that few sizes occur and little is
 * padding.
 */
export function roundingStep(size: number, smallest: number): number {
  return Math.max(smallest, 2 ** (Math.floor(Math.log2(Math.max(1, size))) - 2));
}
