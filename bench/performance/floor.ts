/** The least time that work can take on a machine, by its measured peaks. */
import type { Cost } from "./costs.js";
import type { Part } from "./parts.js";

/** Best of what was measured. */
export interface Peaks {
  /** FLOPs a second of a product of matrices. */
  readonly flops: number;
  /** Bytes a second, read and written, of a copy. */
  readonly bytes: number;
  /** Bytes a second of weights that products of few rows read from memory. */
  readonly weights: number;
}

/** Milliseconds of arithmetic or of memory, whichever takes longer. */
export function floorOf(part: Part, { flops, bytes }: Cost, peaks: Peaks): number {
  const memory = part === "fewRows" ? peaks.weights : peaks.bytes;
  return 1000 * Math.max(flops / peaks.flops, bytes / memory);
}
