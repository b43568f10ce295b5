import type { Kernel, KernelTable, OpName, Shape } from "@alignkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { compositeKernels, type WholeComposite } from "./composites.js";
import { indexingKernels } from "./indexing.js";
import type { LoadedEngine } from "./load-engine.js";
import { wasmKernels } from "./wasm-kernels.js";
import type { Product } from "./wasm-products.js";
import type { OverwriteRows } from "./wasm-rows.js";

type TfjsKernels = KernelTable<Tensor> & { readonly [K in WholeComposite]: Kernel<K, Tensor> };

/**
 * A kernel per primitive, and per {@link WholeComposite}; each frees what it makes on the way.
 * @param product - in place of tfjs's own
 * @param overwriteRows - where the engine can; else rows are written into a copy
 */
export function tfjsKernels(
  engine: LoadedEngine,
  product: Product = engine.tf.matMul,
  overwriteRows?: OverwriteRows,
): TfjsKernels {
  const { tf, scoped, settings } = engine;
  const unary =
    (compute: (x: Tensor) => Tensor): Kernel<OpName, Tensor> =>
    ([x]) =>
      scoped(() => [compute(x!)]);
  const binary =
    (compute: (a: Tensor, b: Tensor) => Tensor): Kernel<OpName, Tensor> =>
    ([a, b]) =>
      scoped(() => [compute(a!, b!)]);
  const repeat = (x: Tensor, shape: Shape): Tensor => {
    if (!settings.plainOnly || x.dtype === "int32") return tf.broadcastTo(x, [...shape]);
    const repeated = tf.mul(tf.cast(x, "float32"), tf.fill([...shape], 1));
    return x.dtype === "bool" ? tf.notEqual(repeated, 0) : repeated;
  };

  const kernels: TfjsKernels = {
    ...indexingKernels(engine),
    ...compositeKernels(engine, product, overwriteRows),

    constant: (_, { value: { type, data } }) =>
      scoped(() => [tf.tensor(data.slice(), [...type.shape], type.dtype)]),
    fill: (_, { type, value }) => scoped(() => [tf.fill([...type.shape], value, type.dtype)]),
    iota: (_, { shape, axis }) =>
      scoped(() => {
        const row = shape.map((size, other) => (other === axis ? size : 1));
        return [repeat(tf.reshape(tf.range(0, shape[axis]!, 1, "int32"), row), shape)];
      }),

    neg: unary((x) => tf.neg(x)),
    abs: unary((x) => tf.abs(x)),
    exp: unary((x) => tf.exp(x)),
    log: unary((x) => tf.log(x)),
    sqrt: unary((x) => tf.sqrt(x)),
    tanh: unary((x) => tf.tanh(x)),
    sigmoid: unary((x) => tf.sigmoid(x)),
    erf: unary((x) => tf.erf(x)),
    sin: unary((x) => tf.sin(x)),
    cos: unary((x) => tf.cos(x)),
    not: unary((x) => tf.logicalNot(x)),
    // To bool by comparison: some engines would store the lowest byte.
    cast: ([x], { dtype }) =>
      scoped(() => [
        dtype === "bool" ? tf.notEqual(x!, tf.scalar(0, x!.dtype as "float32")) : tf.cast(x!, dtype),
      ]),
    barrier: unary((x) => tf.clone(x)),

    add: binary((a, b) => tf.add(a, b)),
    sub: binary((a, b) => tf.sub(a, b)),
    mul: binary((a, b) => tf.mul(a, b)),
    div: binary((a, b) => tf.div(a, b)),
    maximum: binary((a, b) => tf.maximum(a, b)),
    minimum: binary((a, b) => tf.minimum(a, b)),
    equal: binary((a, b) => tf.equal(a, b)),
    less: binary((a, b) => tf.less(a, b)),
    lessEqual: binary((a, b) => tf.lessEqual(a, b)),
    and: binary((a, b) => tf.logicalAnd(a, b)),
    or: binary((a, b) => tf.logicalOr(a, b)),
    select: ([condition, yes, no]) => scoped(() => [tf.where(condition!, yes!, no!)]),

    sum: ([x], { axes }) => scoped(() => [tf.sum(x!, [...axes], true)]),
    max: ([x], { axes }) => scoped(() => [tf.max(x!, [...axes], true)]),
    argMax: unary((x) => tf.argMax(x, -1)),

    reshape: ([x], { shape }) => scoped(() => [tf.reshape(x!, [...shape])]),
    broadcastTo: ([x], { shape }) => scoped(() => [repeat(x!, shape)]),
    transpose: ([x], { permutation }) => scoped(() => [tf.transpose(x!, [...permutation])]),
    slice: ([x], { starts, ends }) =>
      scoped(() => [
        x!.rank === 0
          ? tf.clone(x!)
          : tf.slice(
              x!,
              [...starts],
              ends.map((end, axis) => end - starts[axis]!),
            ),
      ]),
    pad: ([x], { before, after }) =>
      scoped(() => [
        x!.rank === 0
          ? tf.clone(x!)
          : tf.pad(
              x!,
              before.map((count, axis): [number, number] => [count, after[axis]!]),
            ),
      ]),
    concat: (inputs, { axis }) => scoped(() => [tf.concat([...inputs], axis)]),

    matMul: ([a, b], { transposeA, transposeB }) => scoped(() => [product(a!, b!, transposeA, transposeB)]),
  };
  return settings.plainOnly ? { ...kernels, ...wasmKernels(engine, product, kernels) } : kernels;
}
