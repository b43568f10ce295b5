import type { HostTensor } from "./types.js";

/** A tensor to be saved: in host memory, or anything that can be read into it, such as a device tensor. */
export type SaveableTensor = HostTensor | { read(): Promise<HostTensor> };

/** What a stage saves. */
export interface CheckpointContent {
  /** Tensors by group (`policy`, `policy-optimizer`) and name; those on a device are read one at a time. */
  readonly tensors: Readonly<Record<string, Readonly<Record<string, SaveableTensor>>>>;
  /** Everything else as plain JSON: random states, data cursor, KL controller. NaN and typed arrays are refused. */
  readonly state: unknown;
}

/** What a stage gets back. */
export interface Checkpoint {
  readonly step: number;
  readonly tensors: Readonly<Record<string, Readonly<Record<string, HostTensor>>>>;
  readonly state: unknown;
}

/** Checkpoints of one stage. */
export interface CheckpointStore {
  /** Saves, then removes the oldest beyond the number kept. A kill at any moment leaves the earlier ones whole. */
  save(step: number, content: CheckpointContent): Promise<void>;
  /** The newest that is whole; a damaged one is named in a warning and the one before it taken. */
  latest(): Promise<Checkpoint | undefined>;
}
