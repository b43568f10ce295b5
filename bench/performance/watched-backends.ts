/** Backends that tell what is asked of them: one that only counts, and one that computes and takes the time. */
import {
  type Backend,
  type CompileOptions,
  type DeviceTensor,
  type Executable,
  type Graph,
  type HostTensor,
  legalize,
  sizeOf,
  type Tensor,
  type TensorType,
  topologicalOrder,
} from "@alignkit/core";
import { createSizeReader, evaluateSize } from "../../packages/backends/onnx/src/dimensions.js";
import { addCosts, bytesOf, type Costs, graphCosts, toldWhole } from "./costs.js";

/** Results are ones, and 0 where they are a single number: finite losses, tokens that can be drawn, and no differences. */
export interface CountingBackend extends Backend {
  /** What was run, and made ready, since the last call. */
  takeCosts(): Costs;
}

/**
 * Computes nothing; counts what each run would cost at its true sizes, those that are free among them.
 * @param supports - composites that the backend in question takes whole
 */
export function countingBackend(supports: Backend["supports"], vocabulary: number): CountingBackend {
  let costs: Costs = {};
  const prepared = new Set<DeviceTensor>();
  return {
    specificationVersion: "v1",
    name: "counting",
    supports,
    dynamicShapes: true,
    upload: async (value) => onesOf(value.type),
    async compile(graph, { constants = new Map(), variant = graph } = {}) {
      // Weights that are given for good are read, and written once in the order that products like.
      for (const tensor of constants.values()) {
        if (prepared.has(tensor)) continue;
        prepared.add(tensor);
        costs = addCosts(costs, { sessions: { flops: 0, bytes: 2 * bytesOf(tensor.type) } });
      }
      const whole = new Set([...supports, ...toldWhole]);
      const legal = legalize(graph, whole);
      const typesOf = typesInRuns(legal, legalize(variant, whole));
      return {
        async run(inputs) {
          const typeOf = typesOf(inputs);
          costs = addCosts(costs, graphCosts(legal, vocabulary, typeOf));
          return legal.outputs.map((tensor) => onesOf(typeOf(tensor)));
        },
        async dispose() {},
      };
    },
    async dispose() {},
    takeCosts() {
      const taken = costs;
      costs = {};
      prepared.clear();
      return taken;
    },
  };
}

/** Types of tensors in a run with such inputs, by two traces. */
function typesInRuns(graph: Graph, variant: Graph) {
  const sizes = createSizeReader(graph, variant);
  const twins = topologicalOrder(variant.outputs);
  const twinOf = new Map(
    topologicalOrder(graph.outputs).map((operation, index) => [operation, twins[index]]),
  );
  return (inputs: readonly (DeviceTensor | undefined)[]) => {
    const values = new Map(
      sizes.symbols.map((symbol) => [symbol, inputs[symbol.input]?.type.shape[symbol.axis] as number]),
    );
    return ({ type, operation, index }: Tensor): TensorType => {
      const twin = twinOf.get(operation)?.types[index] ?? type;
      const shape = sizes.readShape(type.shape, twin.shape).map((size) => evaluateSize(size, values));
      return { dtype: type.dtype, shape };
    };
  };
}

function onesOf(type: TensorType): DeviceTensor {
  return {
    type,
    async read() {
      const make = type.dtype === "float32" ? Float32Array : type.dtype === "int32" ? Int32Array : Uint8Array;
      return { type, data: new make(sizeOf(type.shape)).fill(type.shape.length === 0 ? 0 : 1) } as HostTensor;
    },
    dispose() {},
  };
}

/** Wall time of runs, in milliseconds. */
export interface RunTimes {
  /** Of graphs with an update of the optimizer, and the sums of squares before it. */
  optimizer: number;
  /** Of all others. */
  model: number;
}

/** The backend, with the time of each run added to `times`. */
export function timedBackend(backend: Backend, times: RunTimes): Backend {
  return {
    ...backend,
    async compile(graph: Graph, options?: CompileOptions): Promise<Executable> {
      const executable = await backend.compile(graph, options);
      const ops = new Set(topologicalOrder(graph.outputs).map(({ op }) => op));
      const key =
        ops.has("adamWUpdate") || (ops.has("sumSquares") && !ops.has("matMul")) ? "optimizer" : "model";
      return {
        async run(inputs, runOptions) {
          const started = performance.now();
          try {
            return await executable.run(inputs, runOptions);
          } finally {
            times[key] += performance.now() - started;
          }
        },
        dispose: () => executable.dispose(),
      };
    },
  };
}
