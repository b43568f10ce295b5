/** Sequences of different lengths as right-padded batches. */
import { type Backend, ConfigError, type HostTensor, InterruptedError, int32 } from "@alignkit/core";
import type { ModelConfig } from "./config.js";

/** Some of the sequences, padded to one length. */
export interface RaggedBatch {
  /** Which sequences; row b of the batch is sequence `indices[b]`. */
  readonly indices: readonly number[];
  readonly length: number;
  /** int32 `[B, T]`, padded with token 0. */
  readonly ids: HostTensor;
  /** int32 `[B, T]`: 0, 1, 2 ... */
  readonly positions: HostTensor;
}

/** How sequences are run together. */
export interface BatchOptions {
  /** Sequences run at once; 16 by default. */
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
}

/**
 * Batches of like lengths, the longest first.
 * @throws {ConfigError} naming every sequence that does not fit the model
 * @throws {InterruptedError} when the signal fires between two batches
 */
export function* raggedBatches(
  backend: Backend,
  config: ModelConfig,
  sequences: readonly (readonly number[])[],
  { batchSize = 16, signal }: BatchOptions,
): Generator<RaggedBatch> {
  checkSequences(config, sequences);
  const order = sequences.map((_, index) => index);
  const lengthOf = (index: number): number => (sequences[index] as readonly number[]).length;
  order.sort((a, b) => lengthOf(b) - lengthOf(a) || a - b);
  for (let start = 0; start < order.length; start += batchSize) {
    if (signal?.aborted) {
      throw new InterruptedError(`scoring: interrupted after ${start} of ${order.length} sequences`, {
        cause: signal.reason,
      });
    }
    const indices = order.slice(start, start + batchSize);
    const longest = lengthOf(indices[0] as number);
    // Where each size is compiled for itself, lengths are rounded, so that there are few.
    const rounded = backend.dynamicShapes ? longest : Math.ceil(longest / 32) * 32;
    const length = Math.min(rounded, config.maxPositions);
    const ids = new Int32Array(indices.length * length);
    const positions = new Int32Array(indices.length * length);
    for (const [row, index] of indices.entries()) {
      ids.set(sequences[index] as readonly number[], row * length);
      for (let t = 0; t < length; t++) positions[row * length + t] = t;
    }
    const shape = [indices.length, length];
    yield { indices, length, ids: int32(ids, shape), positions: int32(positions, shape) };
  }
}

function checkSequences(config: ModelConfig, sequences: readonly (readonly number[])[]): void {
  const problems: string[] = [];
  for (const [index, ids] of sequences.entries()) {
    if (ids.length === 0) problems.push(`sequence ${index} is empty`);
    if (ids.length > config.maxPositions) {
      problems.push(
        `sequence ${index} has ${ids.length} tokens; the model takes ${config.maxPositions} at most`,
      );
    }
    const wrong = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < config.vocabularySize));
    if (wrong !== undefined) {
      problems.push(`sequence ${index} holds ${wrong}, outside the vocabulary of ${config.vocabularySize}`);
    }
  }
  if (problems.length > 0)
    throw new ConfigError(`scoring: ${problems.join("; ")}`, { details: { problems } });
}
