/** How much memory a run will take, estimated before it starts. */
import { sizeOf } from "@alignkit/core";
import { type ModelConfig, parameterShapes } from "@alignkit/models";

const floatBytes = 4;

/**
 * Bytes by what they hold. Parameters, gradients and Adam's moments are exact; activations are an estimate of what the
 * backward pass keeps: per token and layer the inputs of the matrix products and the attention weights.
 * @param rows - N, responses of one forward pass
 * @param length - T of the longest row
 */
export function trainingMemory({
  config,
  rows,
  length,
  accumulates,
}: {
  readonly config: ModelConfig;
  readonly rows: number;
  readonly length: number;
  readonly accumulates: boolean;
}): Record<"parameters" | "gradients" | "optimizer" | "activations", number> {
  const { attention, hiddenSize, mlp, layers } = config;
  let parameters = 0;
  for (const shape of parameterShapes(config, "scalar").values()) parameters += sizeOf(shape) * floatBytes;
  const attentionWidth = attention.heads * attention.headDimension;
  const keyValueWidth = 2 * attention.keyValueHeads * attention.headDimension;
  // Residual stream twice, two norms, queries, keys, values and the attention's output.
  const perToken = 4 * hiddenSize + 2 * attentionWidth + keyValueWidth;
  const inMlp = (mlp.kind === "gated" ? 4 : 2) * mlp.intermediateSize;
  const weights = attention.heads * length;
  return {
    parameters,
    gradients: parameters * (accumulates ? 2 : 1),
    optimizer: 2 * parameters,
    activations: rows * length * layers * (perToken + inMlp + weights) * floatBytes,
  };
}
