import {
  type Backend,
  type Engine,
  type HostTensor,
  interpreterBackend,
  type Kernel,
  type KernelTable,
  type OpName,
  type PrimitiveName,
} from "../index.js";
import { referenceEngine } from "../reference.js";

/**
 * The reference with one kernel slightly wrong: its last element is off by one part in a hundred (flipped for bool).
 * A conformance suite that passes it does not test that op.
 */
export function mutantBackend(op: Exclude<PrimitiveName, "input">): Backend {
  const engine: Engine<HostTensor> = referenceEngine();
  const right = engine.kernels[op] as Kernel<OpName, HostTensor>;
  const wrong: Kernel<OpName, HostTensor> = async (inputs, attributes, types, inputTypes) => {
    const results = await right(inputs, attributes, types, inputTypes);
    for (const { type, data } of results) {
      const last = data.length - 1;
      if (last < 0) continue;
      const value = data[last] as number;
      data[last] =
        type.dtype === "bool" ? 1 - value : type.dtype === "int32" ? value + 1 : value * 1.01 + 0.01;
    }
    return results;
  };
  return interpreterBackend({
    ...engine,
    name: `reference with a wrong ${op}`,
    kernels: { ...engine.kernels, [op]: wrong } as KernelTable<HostTensor>,
  });
}
