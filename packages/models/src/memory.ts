/** How much memory a run will take, estimated before it starts. */
import { sizeOf } from "@alignkit/core";
import type { Head, ModelConfig } from "./config.js";
import { parameterShapes } from "./parameters.js";

const floatBytes = 4;

/**
 * Bytes by what they hold. Parameters, gradients and Adam's moments are exact; activations are an estimate of what the
 * backward pass keeps: per token and layer the inputs of the matrix products, the attention weights, and per labelled
 * token the logits with their probabilities.
 * @param rows - B
 * @param length - T of the longest row
 * @param targets - M, tokens of a batch whose logits the loss reads; 0 for a reward model
 */
export function trainingMemory({
  config,
  head,
  rows,
  length,
  targets,
  accumulates,
  residualDropout = 0,
}: {
  readonly config: ModelConfig;
  readonly head: Head;
  readonly rows: number;
  readonly length: number;
  readonly targets: number;
  readonly accumulates: boolean;
  /** Its masks are held while a batch runs. */
  readonly residualDropout?: number;
}): Record<"parameters" | "gradients" | "optimizer" | "activations", number> {
  let parameters = 0;
  for (const shape of parameterShapes(config, head).values()) parameters += sizeOf(shape) * floatBytes;
  return {
    parameters,
    gradients: parameters * (accumulates ? 2 : 1),
    optimizer: 2 * parameters,
    activations:
      activationBytes({ config, rows, length }) +
      2 * targets * config.vocabularySize * floatBytes +
      (residualDropout > 0 ? 2 * config.layers * rows * length * config.hiddenSize * floatBytes : 0),
  };
}

function activationBytes({
  config,
  rows,
  length,
}: {
  readonly config: ModelConfig;
  readonly rows: number;
  readonly length: number;
}): number {
  const { attention, hiddenSize, mlp, layers } = config;
  const attentionWidth = attention.heads * attention.headDimension;
  const keyValueWidth = 2 * attention.keyValueHeads * attention.headDimension;
  // Residual stream twice, two norms, queries, keys, values and the attention's output.
  const perToken = 4 * hiddenSize + 2 * attentionWidth + keyValueWidth;
  const inMlp = (mlp.kind === "gated" ? 4 : 2) * mlp.intermediateSize;
  const weights = attention.heads * length;
  return rows * length * layers * (perToken + inMlp + weights) * floatBytes;
}
