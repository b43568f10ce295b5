/** Numbers that describe paired times. */

/** @throws {RangeError} when there are none */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("median: no values");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export interface Ratios {
  /** Median over rounds of the ratio of the two times of a round. */
  readonly medianOfPairs: number;
  /** Smallest time over smallest time. */
  readonly minOverMin: number;
}

/** @param ours - times of the rounds; `peer` has those of the same rounds. What one has too many is left out. */
export function compareTimes(ours: readonly number[], peer: readonly number[]): Ratios | null {
  const rounds = Math.min(ours.length, peer.length);
  if (rounds === 0) return null;
  const pairs = Array.from(
    { length: rounds },
    (_, round) => (ours[round] as number) / (peer[round] as number),
  );
  return { medianOfPairs: median(pairs), minOverMin: Math.min(...ours) / Math.min(...peer) };
}
