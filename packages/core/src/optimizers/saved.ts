import type { Checkpoint, CheckpointContent } from "../checkpoint.js";
import { CheckpointError } from "../errors.js";
import type { Optimizer, OptimizerSnapshot } from "./optimizer.js";

/**
 * An optimizer as groups of a checkpoint: its trained parameters under `name`, the moments under `name-m` and `name-v`. They are
 * read from the device one tensor at a time, as they are written.
 */
export function checkpointTensors(
  name: string,
  { trained, moments }: Optimizer,
): CheckpointContent["tensors"] {
  return { [name]: trained, [`${name}-m`]: moments.m, [`${name}-v`]: moments.v };
}

/**
 * What {@link checkpointTensors} saved.
 * @param step - steps that the optimizer had done
 * @throws {CheckpointError} when the checkpoint has no such optimizer
 */
export function savedOptimizer({ tensors }: Checkpoint, name: string, step: number): OptimizerSnapshot {
  const group = (key: string) => {
    const found = tensors[key];
    if (found === undefined) {
      throw new CheckpointError(
        `the checkpoint has no tensors "${key}", only ${Object.keys(tensors).join(", ")}; it was saved by another stage or version`,
      );
    }
    return found;
  };
  return { parameters: group(name), m: group(`${name}-m`), v: group(`${name}-v`), step };
}
