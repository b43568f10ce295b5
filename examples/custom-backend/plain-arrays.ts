/**
 * A backend on plain arrays: own kernels for what it does well, the reference's for the rest.
 *
 * It is whole after `interpreterBackend`, so that any stage runs on it: `--plugin ./plain-arrays.js --backend plain-arrays`.
 */
import {
  type Backend,
  definePlugin,
  type HostData,
  type HostTensor,
  interpreterBackend,
  type Kernel,
  type KernelTable,
  type OpName,
  primitiveNames,
  primitives,
  sizeOf,
  type TensorType,
} from "@alignkit/core";

const arrayOf = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** Zeros. */
function allocate({ dtype, shape }: TensorType): HostData {
  return new arrayOf[dtype](sizeOf(shape));
}

/** The meaning of a primitive as the kernel of it: right, and slow. */
function specified(op: (typeof primitiveNames)[number]): Kernel<OpName, HostData> {
  const evaluate = primitives[op].evaluate as (
    inputs: readonly HostTensor[],
    attributes: unknown,
    outputs: readonly HostTensor[],
  ) => void;
  return (inputs, attributes, types, inputTypes) => {
    const outputs = types.map((type) => ({ type, data: allocate(type) }));
    const given = inputs.map((data, index) => ({ type: inputTypes[index] as TensorType, data }));
    evaluate(given, attributes, outputs);
    return outputs.map(({ data }) => data);
  };
}

/** A composite that this backend takes whole: one pass instead of the two operations of its decomposition. */
const silu: Kernel<"silu", HostData> = ([x]) => [
  Float32Array.from(x as Float32Array, (value) => value / (1 + Math.exp(-value))),
];

const kernels = {
  ...Object.fromEntries(primitiveNames.map((op) => [op, specified(op)])),
  silu,
} as unknown as KernelTable<HostData>;

/** The caller owns what `upload` and `run` give; there is nothing to free here but by the garbage collector. */
export function plainArrayBackend(): Backend {
  return interpreterBackend<HostData>({
    name: "plain-arrays",
    kernels,
    upload: ({ data }) => data.slice(),
    read: (data, type) => ({ type, data: data.slice() }),
    free() {},
  });
}

/** What `--plugin` looks for. */
export const plugin = definePlugin({
  name: "plain-arrays",
  backends: [
    {
      name: "plain-arrays",
      description: "Plain arrays, as an example",
      create: async () => plainArrayBackend(),
    },
  ],
});
