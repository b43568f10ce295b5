/** How much memory training takes, from the shapes, before it starts. */
import {
  accumulatedGradients,
  type DType,
  intermediateBytes,
  legalize,
  sizeOf,
  sum,
  type Tensor,
  trace,
} from "@alignkit/core";
import type { Head, ModelConfig } from "./config.js";
import { hiddenStates } from "./decoder.js";
import type { ParameterTensors } from "./decoder-layer.js";
import { transposedWeights } from "./generation/lying-products.js";
import { rowsAtPar } from "./generation/stepper.js";
import { scalarScores, tokenLogProbs } from "./heads.js";
import { trainedOf } from "./lora.js";
import { parameterShapes, parameterSpecifications } from "./parameters.js";

const floatBytes = 4;

/** Node.js and ONNX Runtime before there is a model: 143 MB were measured on Linux. */
export const runtimeBytes = 143 * 2 ** 20;

/** What ONNX Runtime takes whole of a model's operations; the rest is decomposed, with values between the parts. */
const wholeComposites = new Set([
  "softmax",
  "logSoftmax",
  "layerNorm",
  "rmsNorm",
  "sumSquares",
  "gelu",
] as const);

/**
 * ONNX Runtime against what is alive in our order of the operations: its order is another, and its arena leaves gaps.
 * Measured on GPT-2 124M were 1.42 to 1.48, at 256 to 1024 tokens in rows of 64 and 128 (bench/memory-plan.ts).
 */
const arenaFactor = 1.43;

/** One forward pass. */
export interface PassShape {
  readonly config: ModelConfig;
  readonly head: Head;
  /** B */
  readonly rows: number;
  /** T of the longest row. */
  readonly length: number;
  /** M, tokens of a batch whose output the loss reads. */
  readonly targets: number;
  /** See {@link attentionBlockOf}. */
  readonly attentionBlock?: number | undefined;
}

/** Bytes of a model's weights. */
export function parameterBytes(config: ModelConfig, head: Head): number {
  let bytes = 0;
  for (const shape of parameterShapes(config, head).values()) bytes += sizeOf(shape) * floatBytes;
  return bytes;
}

/**
 * Bytes that decoding so many rows at once may take for weights, beside the given ones: of few rows for all of them,
 * packed; of more for matrices that have to be transposed. See generation/stepper.ts.
 */
export function decodingWeightBytes(config: ModelConfig, rows: number): number {
  if (rows < rowsAtPar) return parameterBytes(config, "language_model");
  const shapes = parameterShapes(config, "language_model");
  const bytes = transposedWeights(config).map((name) => sizeOf(shapes.get(name) ?? []) * floatBytes);
  return bytes.reduce((total, one) => total + one, 0);
}

/** Bytes of the weights that training changes. */
function trainedBytes({ config, head }: PassShape): number {
  const trained = parameterSpecifications(config, head).filter(({ frozen }) => !frozen);
  return trained.reduce((total, { shape }) => total + sizeOf(shape), 0) * floatBytes;
}

/**
 * Bytes by what they hold. Parameters, gradients and Adam's moments are exact; activations are what of the traced loss and
 * its gradient is alive at once.
 * @param shape.residualDropout - its masks are held while a batch runs
 * @param shape.accumulates - whether gradients are added to those of earlier passes, which stay until the sum is there
 */
export function trainingMemory(
  shape: PassShape & { readonly accumulates: boolean; readonly residualDropout?: number },
): Record<"parameters" | "gradients" | "optimizer" | "activations", number> {
  const trained = trainedBytes(shape);
  return {
    parameters: parameterBytes(shape.config, shape.head),
    gradients: trained * (shape.accumulates ? 2 : 1),
    optimizer: 2 * trained,
    activations: passBytes(shape, true) + dropoutMaskBytes(shape),
  };
}

/**
 * What a stage that trains one model holds at its worst, by what it holds: at its end, when the weights are read back to be
 * written.
 */
export function trainingRunMemory(
  shape: Parameters<typeof trainingMemory>[0],
): Readonly<Record<string, number>> {
  const { parameters, gradients, optimizer, activations } = trainingMemory(shape);
  return {
    parameters,
    gradients,
    optimizer,
    activations,
    "weights to be written": parameters,
    "runtime, about": runtimeBytes,
  };
}

/** Two masks a layer, of the size of its output. */
function dropoutMaskBytes(shape: PassShape & { readonly residualDropout?: number }): number {
  const { config, rows, length, residualDropout = 0 } = shape;
  return residualDropout > 0 ? 2 * config.layers * rows * length * config.hiddenSize * floatBytes : 0;
}

/** Bytes of what is alive at once in a forward pass without gradients. */
export const forwardMemory = (shape: PassShape): number => passBytes(shape, false);

interface PassInputs {
  readonly parameters: ParameterTensors;
  readonly tokens: { readonly inputIds: Tensor; readonly positionIds: Tensor };
  readonly rows: Tensor;
  readonly targets: Tensor;
}

function passBytes(shape: PassShape, withGradients: boolean): number {
  const { config, head, rows, length, targets, attentionBlock } = shape;
  const type = (dtype: DType, shape: readonly number[]) => ({ dtype, shape });
  const body = ({ parameters, tokens, rows, targets }: PassInputs) => {
    const hidden = hiddenStates(config, parameters, { ...tokens, rows, attentionBlock });
    const read =
      head === "scalar"
        ? scalarScores(config, parameters, hidden)
        : tokenLogProbs(config, parameters, hidden, targets).logProbs;
    if (!withGradients) return { read };
    const loss = sum(read);
    return { loss, gradients: accumulatedGradients(loss, trainedOf(config, head, parameters)) };
  };
  const { graph } = trace(body as never, {
    parameters: Object.fromEntries(
      [...parameterShapes(config, head)].map(([name, shape]) => [name, type("float32", shape)]),
    ),
    tokens: { inputIds: type("int32", [rows, length]), positionIds: type("int32", [rows, length]) },
    rows: type("int32", [Math.max(1, targets)]),
    targets: type("int32", [Math.max(1, targets)]),
  });
  return Math.round(arenaFactor * intermediateBytes(legalize(graph, wholeComposites)));
}
