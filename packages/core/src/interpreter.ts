import type { Backend, DeviceTensor, Executable, RunOptions, RuntimeDescription } from "./backend.js";
import { BackendError } from "./errors.js";
import { legalize } from "./legalize.js";
import type { CompositeName, OpAttributes, OpName, PrimitiveName } from "./ops/attributes.js";
import { isComposite } from "./ops/table.js";
import { type Graph, type Operation, resultsOf, type Tensor, TensorMap, topologicalOrder } from "./tensor.js";
import { formatType, type HostTensor, sameType, type TensorType } from "./types.js";

/**
 * Computes one op on values of type `V`; returns fresh values, one per result.
 * @param inputTypes - types of `inputs`
 * @param types - types of the results
 * @param mayOverwrite - whether the input at a position is read by nobody afterwards, so that a result may take its
 *   memory; the interpreter frees the input all the same
 */
export type Kernel<K extends OpName, V> = (
  inputs: readonly V[],
  attributes: OpAttributes[K],
  types: readonly TensorType[],
  inputTypes: readonly TensorType[],
  mayOverwrite?: (input: number) => boolean,
) => readonly V[] | Promise<readonly V[]>;

/** A kernel for every primitive, and for those composites that the engine does better than their decomposition. */
export type KernelTable<V> = { readonly [K in Exclude<PrimitiveName, "input">]: Kernel<K, V> } & {
  readonly [K in CompositeName]?: Kernel<K, V>;
};

/** What an engine must give so that {@link interpreterBackend} can drive it. */
export interface Engine<V> {
  readonly name: string;
  /** The library that computes, for `alignkit doctor`. */
  readonly runtime?: RuntimeDescription;
  /** As in {@link Backend.expectedFailures}. */
  readonly expectedFailures?: Readonly<Record<string, string>>;
  readonly kernels: KernelTable<V>;
  /** Copies from the host. */
  upload(value: HostTensor): V | Promise<V>;
  /** Copies to the host. */
  read(value: V, type: TensorType): HostTensor | Promise<HostTensor>;
  free(value: V): void;
  dispose?(): Promise<void>;
}

interface InterpreterTensor<V> extends DeviceTensor {
  readonly value: V;
}

/** A backend that runs a table of kernels op by op and frees each value after its last use. */
export function interpreterBackend<V>(engine: Engine<V>): Backend {
  const supports = new Set(
    Object.keys(engine.kernels).filter((op): op is CompositeName => isComposite(op as OpName)),
  );
  const wrap = (value: V, type: TensorType): InterpreterTensor<V> => {
    let freed = false;
    return {
      type,
      get value() {
        if (freed)
          throw new BackendError(
            `${engine.name}: ${formatType(type)} was used after it was disposed or donated`,
          );
        return value;
      },
      async read() {
        return engine.read(this.value, type);
      },
      dispose() {
        if (!freed) engine.free(value);
        freed = true;
      },
    };
  };
  return {
    specificationVersion: "v1",
    name: engine.name,
    supports,
    dynamicShapes: false,
    ...(engine.runtime === undefined ? {} : { runtime: engine.runtime }),
    ...(engine.expectedFailures === undefined ? {} : { expectedFailures: engine.expectedFailures }),
    upload: async (host) => wrap(await engine.upload(host), host.type),
    compile: async (graph, options = {}) =>
      interpret(engine, legalize(graph, supports), wrap, options.constants),
    dispose: async () => engine.dispose?.(),
  };
}

function interpret<V>(
  engine: Engine<V>,
  graph: Graph,
  wrap: (value: V, type: TensorType) => InterpreterTensor<V>,
  constants: ReadonlyMap<number, DeviceTensor> = new Map(),
): Executable {
  const order = topologicalOrder(graph.outputs).filter((operation) => operation.op !== "input");
  const lastUses = lastUsesOf(order);
  const kept = new TensorMap<boolean>();
  for (const output of graph.outputs) kept.set(output, true);

  return {
    async run(inputs, { donate = new Set() }: RunOptions = {}) {
      const values = new TensorMap<V>();
      for (const [index, input] of graph.inputs.entries()) {
        const given = (constants.get(index) ?? inputs[index]) as InterpreterTensor<V> | undefined;
        const { name } = (input.operation as Operation<"input">).attributes;
        checkInput(input.type, given, index, name);
        values.set(input, (given as InterpreterTensor<V>).value);
      }
      /** Neither the caller's own nor a constant, nor a tensor given twice, whose other use would change. */
      const isSpare = (tensor: Tensor): boolean => {
        if (tensor.operation.op !== "input") return true;
        const index = graph.inputs.findIndex(sameAs(tensor));
        const isShared = (other: Tensor, at: number) =>
          at !== index && values.get(other) === values.get(tensor);
        return donate.has(index) && !constants.has(index) && !graph.inputs.some(isShared);
      };
      const mayOverwrite = (position: number, input: number): boolean => {
        const { inputs: read } = order[position]!;
        const tensor = read[input]!;
        const isLast = kept.get(tensor) === undefined && lastUses[position]!.some(sameAs(tensor));
        return isLast && read.filter(sameAs(tensor)).length === 1 && isSpare(tensor);
      };
      // Owned by the run: everything that a kernel made and that was not freed yet.
      const alive = new Set<V>();
      try {
        for (const [position, operation] of order.entries()) {
          const made = await evaluate(engine, operation, values, (input) => mayOverwrite(position, input));
          for (const [index, value] of made.entries()) {
            alive.add(value);
            values.set(resultsOf(operation)[index]!, value);
          }
          for (const tensor of lastUses[position]!) {
            if (kept.get(tensor) !== undefined || tensor.operation.op === "input") continue;
            const value = values.get(tensor) as V;
            alive.delete(value);
            engine.free(value);
          }
        }
        return await collect(engine, graph, values, wrap);
      } catch (error) {
        for (const value of alive) engine.free(value);
        throw error;
      } finally {
        for (const index of donate) inputs[index]?.dispose();
      }
    },
    async dispose() {},
  };
}

async function evaluate<V>(
  engine: Engine<V>,
  operation: Operation,
  values: TensorMap<V>,
  mayOverwrite: (input: number) => boolean,
): Promise<readonly V[]> {
  const kernel = engine.kernels[operation.op as Exclude<PrimitiveName, "input">] as Kernel<OpName, V>;
  const inputs = operation.inputs.map((tensor) => values.get(tensor) as V);
  return kernel(
    inputs,
    operation.attributes,
    operation.types,
    operation.inputs.map((tensor) => tensor.type),
    mayOverwrite,
  );
}

/** An output that is an input, or stands twice, is copied, so that each result can be disposed on its own. */
async function collect<V>(
  engine: Engine<V>,
  graph: Graph,
  values: TensorMap<V>,
  wrap: (value: V, type: TensorType) => InterpreterTensor<V>,
) {
  const taken = new TensorMap<boolean>();
  const results: InterpreterTensor<V>[] = [];
  for (const output of graph.outputs) {
    const value = values.get(output) as V;
    const owned = output.operation.op !== "input" && taken.get(output) === undefined;
    taken.set(output, true);
    results.push(
      wrap(owned ? value : await engine.upload(await engine.read(value, output.type)), output.type),
    );
  }
  return results;
}

/** For each operation, the values that nothing reads after it; results that nothing reads at all included. */
function lastUsesOf(order: readonly Operation[]) {
  const last = new TensorMap<number>();
  for (const [position, operation] of order.entries()) {
    for (const result of resultsOf(operation)) last.set(result, position);
    for (const tensor of operation.inputs) last.set(tensor, position);
  }
  return order.map((operation, position) => {
    const candidates = [...operation.inputs, ...resultsOf(operation)];
    return candidates.filter((tensor, index) => {
      const first = candidates.findIndex(sameAs(tensor));
      return first === index && last.get(tensor) === position;
    });
  });
}

const sameAs =
  (tensor: Tensor) =>
  ({ operation, index }: Tensor): boolean =>
    operation === tensor.operation && index === tensor.index;

/** @throws {BackendError} when the input is missing or of another type */
export function checkInput(
  expected: TensorType,
  given: DeviceTensor | undefined,
  index: number,
  name: string,
): void {
  if (given === undefined)
    throw new BackendError(`input ${index} (${name}) is missing; it takes ${formatType(expected)}`);
  if (!sameType(expected, given.type)) {
    throw new BackendError(
      `input ${index} (${name}) is ${formatType(given.type)}; the graph was traced with ${formatType(expected)}`,
    );
  }
}
