/** For engines that broadcast by themselves, as NumPy does: operands before they are repeated. */
import type { Operation, Tensor } from "./tensor.js";
import type { DType } from "./types.js";

/** The tensor whose broadcast, by NumPy's rules, is `tensor`. */
export function broadcastSource(tensor: Tensor): Tensor {
  if (tensor.operation.op !== "broadcastTo") return tensor;
  const inner = tensor.operation.inputs[0] as Tensor;
  if (inner.operation.op !== "reshape") return inner;
  const source = inner.operation.inputs[0] as Tensor;
  const added = inner.shape.length - source.shape.length;
  const onlyLeadingOnes = inner.shape.every((size, axis) =>
    axis < added ? size === 1 : size === source.shape[axis - added],
  );
  return added >= 0 && onlyLeadingOnes ? source : inner;
}

/** Axes of `shape`, from the last, that `source` holds in full. */
function fills(source: Tensor, shape: readonly number[], axis: number): boolean {
  const own = axis - shape.length + source.shape.length;
  return source.operation.op !== "fill" && own >= 0 && source.shape[own] === shape[axis];
}

/**
 * Operands without their broadcasts, where the engine's own broadcasting gives the same shape; else the first is
 * expanded. A fill becomes a scalar.
 * @param name - what the engine calls a value in its full shape
 * @param scalar - what it calls a number
 */
export function operandsOf<N>(
  tensors: readonly Tensor[],
  name: (tensor: Tensor) => N,
  scalar: (value: number, dtype: DType) => N,
): readonly N[] {
  const { shape } = tensors[0] as Tensor;
  const sources = tensors.map(broadcastSource);
  const hasRank =
    shape.length === 0 ||
    sources.some((source) => fills(source, source.shape, 0) && source.shape.length === shape.length);
  const isWhole = hasRank && shape.every((_, axis) => sources.some((source) => fills(source, shape, axis)));
  return sources.map((source, index) => {
    if (!isWhole && index === 0) return name(tensors[0] as Tensor);
    if (source.operation.op !== "fill") return name(source);
    return scalar((source.operation as Operation<"fill">).attributes.value, source.dtype);
  });
}
