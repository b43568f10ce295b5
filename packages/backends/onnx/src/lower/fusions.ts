/** Operations that one ONNX node computes together. */
import { broadcastSource, type Operation, type OpName, type Tensor, type TensorMap } from "@alignkit/core";
import { isTall } from "./tall-products.js";

type Product = Operation<"matMul">;

export interface Fusions {
  /** Products that are computed by the operation that reads them. */
  readonly melted: ReadonlySet<Operation>;
  /** An `add` that is a product plus a row, `[N]`, or a column, `[M, 1]`, or a sum of earlier products, `[M, N]`. */
  readonly biased: ReadonlyMap<Operation, { readonly product: Product; readonly bias: Tensor }>;
  /** A `mul` that is a product times a number. */
  readonly scaled: ReadonlyMap<Operation, { readonly product: Product; readonly factor: number }>;
  /** An `add` whose operands, padded with zeros, lie side by side along an axis: as the gradients of slices do. */
  readonly joined: ReadonlyMap<Operation, Joined>;
}

interface Joined {
  readonly parts: readonly Tensor[];
  readonly axis: number;
}

/**
 * Finds what melts together within one model.
 * @param operations - those of the model
 * @param useCount - readers of a value, counting the outputs of the whole graph
 * @param isPortable - leaves out what only ONNX Runtime has an operator for
 */
export function findFusions(
  operations: readonly Operation[],
  useCount: TensorMap<number>,
  isPortable = false,
): Fusions {
  const own = new Set(operations);
  const melted = new Set<Operation>();
  const biased = new Map<Operation, { readonly product: Product; readonly bias: Tensor }>();
  const scaled = new Map<Operation, { readonly product: Product; readonly factor: number }>();
  /** A product that nothing else reads. */
  const productOf = (tensor: Tensor): Product | undefined =>
    is(tensor.operation, "matMul") && own.has(tensor.operation) && useCount.get(tensor) === 1
      ? tensor.operation
      : undefined;

  for (const operation of operations) {
    const pairs =
      operation.inputs.length === 2
        ? ([
            [0, 1],
            [1, 0],
          ] as const)
        : [];
    for (const [at, other] of pairs) {
      const product = productOf(operation.inputs[at] as Tensor);
      const partner = operation.inputs[other] as Tensor;
      if (product === undefined || melted.has(product)) continue;
      if (operation.op === "add" && product.types[0]?.shape.length === 2) {
        const bias = broadcastSource(partner);
        const isVector = bias.shape.length === 1 || (bias !== partner && bias.shape[1] === 1);
        if (bias.operation.op === "fill" || !(isVector || isSumSoFar(partner, product))) continue;
        biased.set(operation, { product, bias });
      } else if (operation.op === "mul" && !isPortable && is(partner.operation, "fill")) {
        scaled.set(operation, { product, factor: partner.operation.attributes.value });
      } else {
        continue;
      }
      melted.add(product);
      break;
    }
  }
  const joined = findJoined(operations, own, useCount, melted);
  return { melted, biased, scaled, joined };
}

/** A gradient of earlier micro-batches, to which the product is added; not where the product is written in parts. */
function isSumSoFar(partner: Tensor, product: Product): boolean {
  return partner.operation.op === "input" && !isTall(product);
}

/** Sums of padded tensors, from the last `add` of each; what lies inside is added to `melted`. */
function findJoined(
  operations: readonly Operation[],
  own: ReadonlySet<Operation>,
  useCount: TensorMap<number>,
  melted: Set<Operation>,
): ReadonlyMap<Operation, Joined> {
  const joined = new Map<Operation, Joined>();
  for (const operation of operations.toReversed()) {
    if (operation.op !== "add" || melted.has(operation)) continue;
    const inner: Operation[] = [];
    const pads: Operation<"pad">[] = [];
    const isSum = operation.inputs.every(function collect(tensor): boolean {
      const source = tensor.operation;
      if (useCount.get(tensor) !== 1 || !own.has(source)) return false;
      inner.push(source);
      if (is(source, "pad")) return pads.push(source) > 0;
      return source.op === "add" && source.inputs.every(collect);
    });
    const found = isSum ? sideBySide(pads) : undefined;
    if (found === undefined) continue;
    joined.set(operation, found);
    for (const each of inner) melted.add(each);
  }
  return joined;
}

/** The padded tensors in order along the one axis that they fill together without overlap. */
function sideBySide(pads: readonly Operation<"pad">[]): Joined | undefined {
  const padded = (pad: Operation<"pad">): number[] =>
    pad.attributes.before.flatMap((before, axis) =>
      before + (pad.attributes.after[axis] as number) > 0 ? [axis] : [],
    );
  const [axis, ...others] = padded(pads[0] as Operation<"pad">);
  if (axis === undefined || others.length > 0 || pads.some((pad) => padded(pad).join() !== String(axis)))
    return undefined;
  const ordered = pads.toSorted(
    (a, b) => (a.attributes.before[axis] as number) - (b.attributes.before[axis] as number),
  );
  let end = 0;
  for (const { attributes, inputs } of ordered) {
    if (attributes.before[axis] !== end) return undefined;
    end += (inputs[0] as Tensor).shape[axis] as number;
  }
  return end === pads[0]?.types[0]?.shape[axis]
    ? { parts: ordered.map((pad) => pad.inputs[0] as Tensor), axis }
    : undefined;
}

function is<K extends OpName>(operation: Operation, op: K): operation is Operation<K> {
  return operation.op === op;
}
