import { decompose } from "./gradient.js";
import type { CompositeName, OpName } from "./ops/attributes.js";
import { fill } from "./ops/build.js";
import { isComposite } from "./ops/table.js";
import { type Graph, type Operation, resultsOf, type Tensor, TensorMap, topologicalOrder } from "./tensor.js";
import type { HostTensor } from "./types.js";

/**
 * The same graph in the ops that a backend takes: composites outside `supported` are decomposed, equal operations
 * are merged, trivial ones (times 1, plus 0, constants of constants) fall away, and so does what no output needs.
 * @param canTake - whether the backend takes a certain operation of a supported composite
 */
export function legalize(
  graph: Graph,
  supported: ReadonlySet<CompositeName>,
  canTake: (operation: Operation) => boolean = () => true,
): Graph {
  const legal = new TensorMap<Tensor>();
  const merger = new Merger();
  // Outermost frame: the graph itself; a decomposition is legalized the same way, its inputs being legal already.
  const translate = (outputs: readonly Tensor[], source?: Error): void => {
    for (const operation of topologicalOrder(outputs)) {
      if (legal.get(handle(operation, 0)) !== undefined) continue;
      const inputs = operation.inputs.map((tensor) => legal.get(tensor) as Tensor);
      if (isComposite(operation.op) && !(supported.has(operation.op) && canTake(operation))) {
        const expanded = decompose(operation as Operation<CompositeName>, inputs);
        translate(expanded, source ?? operation.source);
        for (const [index, tensor] of expanded.entries())
          legal.set(handle(operation, index), legal.get(tensor) as Tensor);
      } else {
        const results = merger.emit(source === undefined ? operation : { ...operation, source }, inputs);
        for (const [index, tensor] of results.entries()) {
          legal.set(handle(operation, index), tensor);
          // Legal tensors stand for themselves, so that decompositions may refer to them.
          legal.set(tensor, tensor);
        }
      }
    }
  };
  translate(graph.outputs);
  return {
    inputs: graph.inputs.map((tensor) => legal.get(tensor) ?? tensor),
    outputs: graph.outputs.map((tensor) => legal.get(tensor) as Tensor),
  };
}

const handle = (operation: Operation, index: number): Tensor => ({ operation, index }) as Tensor;

/** Merges equal operations by a key of op, attributes and inputs. */
class Merger {
  readonly #known = new Map<string, readonly Tensor[]>();
  readonly #numbers = new Map<Operation | HostTensor["data"], number>();

  emit(operation: Operation, inputs: readonly Tensor[]): readonly Tensor[] {
    const simple = simplify(operation, inputs);
    if (simple !== undefined)
      return simple.operation.op === "fill" ? this.#merge(simple.operation) : [simple];
    const unchanged = inputs.every((tensor, index) => tensor === operation.inputs[index]);
    return this.#merge(unchanged ? operation : { ...operation, inputs });
  }

  #merge(operation: Operation): readonly Tensor[] {
    if (operation.op === "input") return resultsOf(operation);
    const inputs = operation.inputs.map((tensor) => `${this.#number(tensor.operation)}.${tensor.index}`);
    const key = `${operation.op}(${inputs.join()})${this.#attributesKey(operation)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const results = resultsOf(operation);
    this.#known.set(key, results);
    return results;
  }

  #attributesKey(operation: Operation): string {
    if (operation.op !== "constant")
      return JSON.stringify(operation.attributes, (_, value) =>
        value === undefined || Number.isFinite(value) || typeof value !== "number" ? value : String(value),
      );
    const { value } = (operation as Operation<"constant">).attributes;
    return `${this.#number(value.data)}[${value.type.shape.join()}]`;
  }

  #number(thing: Operation | HostTensor["data"]): number {
    const number = this.#numbers.get(thing) ?? this.#numbers.size;
    this.#numbers.set(thing, number);
    return number;
  }
}

/** A simpler tensor of the same value, where one is plain to see. */
function simplify(operation: Operation, inputs: readonly Tensor[]): Tensor | undefined {
  const values = inputs.map(fillValue);
  const type = operation.types[0] as Operation["types"][number];
  const filled = (value: number): Tensor => fill(value, type.shape, type.dtype);
  const [a, b] = values;
  const rule = rules[operation.op];
  const constantRule = constantRules[operation.op];
  if (constantRule !== undefined && values.length > 0 && values.every((value) => value !== undefined)) {
    return filled(constantRule(values as number[]));
  }
  const kept = rule?.(a, b);
  return kept === undefined ? undefined : inputs[kept];
}

function fillValue(tensor: Tensor): number | undefined {
  return tensor.operation.op === "fill"
    ? (tensor.operation as Operation<"fill">).attributes.value
    : undefined;
}

/** Which input is the result. */
const rules: Partial<Record<OpName, (a: number | undefined, b: number | undefined) => 0 | 1 | undefined>> = {
  mul: (a, b) => (b === 1 ? 0 : a === 1 ? 1 : undefined),
  div: (_, b) => (b === 1 ? 0 : undefined),
  add: (a, b) => (b === 0 ? 0 : a === 0 ? 1 : undefined),
  sub: (_, b) => (b === 0 ? 0 : undefined),
};

/** The value of every element, when all inputs are fills. */
const constantRules: Partial<Record<OpName, (values: readonly number[]) => number>> = {
  broadcastTo: ([x]) => x as number,
  reshape: ([x]) => x as number,
  transpose: ([x]) => x as number,
  slice: ([x]) => x as number,
  neg: ([x]) => -(x as number),
  mul: ([a, b]) => (a as number) * (b as number),
  add: ([a, b]) => (a as number) + (b as number),
};
