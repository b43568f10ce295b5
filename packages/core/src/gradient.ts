import { ShapeMismatchError } from "./errors.js";
import type { CompositeName, OpName, PrimitiveName } from "./ops/attributes.js";
import { add, apply, fill, input, scatterAddRows, zeros } from "./ops/build.js";
import type { Differentiate, GradientRule } from "./ops/definition.js";
import { compositeTable, isComposite, primitives } from "./ops/table.js";
import { type Operation, resultsOf, type Tensor, TensorMap, topologicalOrder } from "./tensor.js";
import { formatType } from "./types.js";

/**
 * Reverse-mode gradient of a scalar, as more graph.
 * @param loss - float32 `[]`
 * @param wrt - what to differentiate by
 * @returns one gradient per tensor of `wrt`, of its shape; zeros where the loss does not depend on it
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): readonly Tensor[] {
  if (loss.dtype !== "float32" || loss.shape.length !== 0) {
    throw new ShapeMismatchError(
      `gradients: the loss must be a float32 scalar, got ${formatType(loss.type)}`,
    );
  }
  const found = differentiate([loss], [fill(1, [])], wrt);
  return wrt.map((tensor, index) => found[index] ?? zeros(tensor.shape));
}

/**
 * Gradients by parameter name, added to those of earlier micro-batches if given.
 * @param previous - gradients so far, of the same names; donate them
 */
export function accumulatedGradients(
  loss: Tensor,
  parameters: Readonly<Record<string, Tensor>>,
  previous?: Readonly<Record<string, Tensor>>,
): Readonly<Record<string, Tensor>> {
  const names = Object.keys(parameters);
  const found = gradients(loss, Object.values(parameters));
  return Object.fromEntries(
    names.map((name, index) => {
      const gradient = found[index] as Tensor;
      const before = previous?.[name];
      return [name, before === undefined ? gradient : addSparse(before, gradient)];
    }),
  );
}

/** Gradients with respect to `wrt`, given those of `outputs`; `undefined` where none flows. */
export const differentiate: Differentiate = (outputs, outputGradients, wrt) => {
  const order = topologicalOrder(outputs);
  const wanted = operationsBetween(order, wrt);
  const found = new TensorMap<Tensor>();
  for (const [index, output] of outputs.entries()) accumulate(found, output, outputGradients[index]);
  for (const operation of order.reverse()) {
    // A leaf of the question: what flows into it is the answer.
    if (!wanted.has(operation) || operation.inputs.length === 0) continue;
    const results = resultsOf(operation);
    const gradientsOfResults = results.map((result) => found.get(result));
    if (gradientsOfResults.every((gradient) => gradient === undefined)) continue;
    for (const [index, gradient] of inputGradients(operation, results, gradientsOfResults).entries()) {
      const target = operation.inputs[index];
      if (target?.dtype === "float32" && wanted.has(target.operation)) accumulate(found, target, gradient);
    }
  }
  return wrt.map((tensor) => found.get(tensor));
};

/** Operations on a path from `wrt`. */
function operationsBetween(order: readonly Operation[], wrt: readonly Tensor[]): Set<Operation> {
  const wanted = new Set(wrt.map((tensor) => tensor.operation));
  for (const operation of order) {
    if (operation.inputs.some((tensor) => wanted.has(tensor.operation))) wanted.add(operation);
  }
  return wanted;
}

function inputGradients(
  operation: Operation,
  results: readonly Tensor[],
  gradientsOfResults: readonly (Tensor | undefined)[],
): readonly (Tensor | undefined)[] {
  const definition = isComposite(operation.op)
    ? compositeTable[operation.op]
    : primitives[operation.op as PrimitiveName];
  if (definition.gradient === null) return [];
  if (definition.gradient === undefined) {
    const outputs = decompose(operation as Operation<CompositeName>, operation.inputs);
    return differentiate(outputs, gradientsOfResults, operation.inputs);
  }
  const rule = definition.gradient as GradientRule<OpName>;
  const { inputs, attributes } = operation;
  return rule({ inputs, attributes, outputs: results, gradients: gradientsOfResults, differentiate });
}

/** The results of a composite, from other ops. */
export function decompose(operation: Operation<CompositeName>, inputs: readonly Tensor[]): readonly Tensor[] {
  const definition = compositeTable[operation.op] as {
    decompose(inputs: readonly Tensor[], attributes: unknown): readonly Tensor[];
  };
  return definition.decompose(inputs, operation.attributes);
}

function accumulate(found: TensorMap<Tensor>, target: Tensor, gradient: Tensor | undefined): void {
  if (gradient === undefined) return;
  const before = found.get(target);
  found.set(target, before === undefined ? gradient : addSparse(before, gradient));
}

/** `a + b`, with scattered rows (embeddings, label terms) added last, so that they touch their rows only. */
function addSparse(a: Tensor, b: Tensor): Tensor {
  const [denseA, scatteredA] = peel(a);
  const [denseB, scatteredB] = peel(b);
  let total = isZero(denseA) ? denseB : isZero(denseB) ? denseA : add(denseA, denseB);
  for (const { ids, rows } of [...scatteredA, ...scatteredB]) total = scatterAddRows(total, ids, rows);
  return total;
}

function peel(x: Tensor): readonly [Tensor, readonly { readonly ids: Tensor; readonly rows: Tensor }[]] {
  const scattered: { readonly ids: Tensor; readonly rows: Tensor }[] = [];
  let base = x;
  while (base.operation.op === "scatterAddRows") {
    const [under, ids, rows] = base.operation.inputs as readonly [Tensor, Tensor, Tensor];
    scattered.unshift({ ids, rows });
    base = under;
  }
  return [base, scattered];
}

function isZero(x: Tensor): boolean {
  return x.operation.op === "fill" && (x.operation as Operation<"fill">).attributes.value === 0;
}

/**
 * A function whose intermediate values are recomputed in the backward pass instead of stored.
 * @param body - must use nothing but its arguments and constants
 */
export function checkpoint(
  body: (...inputs: Tensor[]) => readonly Tensor[],
): (...inputs: Tensor[]) => readonly Tensor[] {
  return (...inputs) => {
    const placeholders = inputs.map((tensor, index) => input(`checkpoint.${index}`, tensor.type));
    return apply("checkpoint", inputs, { body: { inputs: placeholders, outputs: body(...placeholders) } });
  };
}
