import type { Backend } from "./backend.js";
import { type Engine, interpreterBackend, type Kernel, type KernelTable } from "./interpreter.js";
import type { OpName, PrimitiveName } from "./ops/attributes.js";
import type { Evaluate } from "./ops/definition.js";
import { primitiveNames, primitives } from "./ops/table.js";
import { type HostData, type HostTensor, sizeOf, type TensorType } from "./types.js";

/** How the reference computes. */
export interface ReferenceOptions {
  /** How float32 tensors are stored between ops. Double precision is for checking gradients and formulas. */
  readonly precision?: "float32" | "float64";
}

/** The specification of every op, slow and plain: each primitive by its own `evaluate`, composites decomposed. */
export function referenceBackend(options: ReferenceOptions = {}): Backend {
  return interpreterBackend(referenceEngine(options));
}

/** The engine behind {@link referenceBackend}, for backends that replace some of its kernels. */
export function referenceEngine({ precision = "float32" }: ReferenceOptions = {}): Engine<HostTensor> {
  const allocate = (type: TensorType): HostData => {
    const size = sizeOf(type.shape);
    if (type.dtype === "int32") return new Int32Array(size);
    if (type.dtype === "bool") return new Uint8Array(size);
    return precision === "float64" ? new Float64Array(size) : new Float32Array(size);
  };
  const kernelOf = (op: PrimitiveName): Kernel<OpName, HostTensor> => {
    const evaluate = primitives[op].evaluate as Evaluate<OpName>;
    return (inputs, attributes, types) => {
      const outputs = types.map((type) => ({ type, data: allocate(type) }));
      evaluate(inputs, attributes, outputs);
      return outputs;
    };
  };
  const copy = ({ type, data }: HostTensor): HostTensor => {
    const own = allocate(type);
    own.set(data);
    return { type, data: own };
  };
  return {
    name: precision === "float64" ? "reference:float64" : "reference",
    runtime: { name: "JavaScript", version: process.version, device: "CPU", threads: 1 },
    kernels: Object.fromEntries(
      primitiveNames.map((op) => [op, kernelOf(op)]),
    ) as unknown as KernelTable<HostTensor>,
    upload: copy,
    read: copy,
    free() {},
  };
}
