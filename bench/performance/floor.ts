/** The least time that work can take on a machine, by its measured peaks. */
import type { Cost } from "./costs.js";

/** Best of what was measured. */
export interface Peaks {
  /** FLOPs a second of a product of matrices. */
  readonly flops: number;
  /** Bytes a second, read and written, of a copy. */
  readonly bytes: number;
}

/** Milliseconds of arithmetic or of memory, whichever takes longer. */
export function floorOf({ flops, bytes }: Cost, peaks: Peaks): number {
  return 1000 * Math.max(flops / peaks.flops, bytes / peaks.bytes);
}
