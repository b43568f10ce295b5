import type { Kernel, KernelTable, OpName } from "@alignkit/core";
import { lax, nn, numpy } from "@jax-js/jax";
import { indexingKernels } from "./indexing.js";
import { fromHost, iota, type Value } from "./values.js";

/** jax-js takes a reference from whom it is given an array; `ref` makes one, so that the caller keeps its own. */
const unary =
  (compute: (x: Value) => Value): Kernel<OpName, Value> =>
  ([x]) => [compute(x!.ref)];
const binary =
  (compute: (a: Value, b: Value) => Value): Kernel<OpName, Value> =>
  ([a, b]) => [compute(a!.ref, b!.ref)];

const swapped = (x: Value, swap: boolean): Value => (swap ? numpy.matrixTranspose(x) : x);

/** A kernel per primitive, and the composites that take less time whole. A gap does not compile. */
export const jaxKernels: KernelTable<Value> = {
  ...indexingKernels,

  constant: (_, { value }) => [fromHost(value)],
  fill: (_, { type: { dtype, shape }, value }) => [numpy.full([...shape], value, { dtype: numpy[dtype] })],
  iota: (_, { shape, axis }) => [iota(shape, axis)],

  neg: unary(numpy.negative),
  abs: unary(numpy.abs),
  exp: unary(numpy.exp),
  log: unary(numpy.log),
  sqrt: unary(numpy.sqrt),
  tanh: unary(numpy.tanh),
  sigmoid: unary(nn.sigmoid),
  erf: unary(lax.erf),
  sin: unary(numpy.sin),
  cos: unary(numpy.cos),
  not: unary(numpy.logicalNot),
  cast: ([x], { dtype }) => [x!.ref.astype(numpy[dtype])],
  barrier: ([x]) => [x!.ref],

  add: binary(numpy.add),
  sub: binary(numpy.subtract),
  mul: binary(numpy.multiply),
  div: binary(numpy.divide),
  maximum: binary(numpy.maximum),
  minimum: binary(numpy.minimum),
  equal: binary(numpy.equal),
  less: binary(numpy.less),
  lessEqual: binary(numpy.lessEqual),
  and: binary(numpy.logicalAnd),
  or: binary(numpy.logicalOr),
  select: ([condition, yes, no]) => [numpy.where(condition!.ref, yes!.ref, no!.ref)],

  sum: ([x], { axes }) => [numpy.sum(x!.ref, [...axes], { keepdims: true })],
  max: ([x], { axes }) => [numpy.max(x!.ref, [...axes], { keepdims: true })],
  argMax: unary((x) => numpy.argmax(x, -1)),

  reshape: ([x], { shape }) => [x!.ref.reshape([...shape])],
  broadcastTo: ([x], { shape }) => [numpy.broadcastTo(x!.ref, [...shape])],
  transpose: ([x], { permutation }) => [x!.ref.transpose([...permutation])],
  slice: ([x], { starts, ends }) => [
    x!.ref.slice(...starts.map((start, axis): [number, number] => [start, ends[axis]!])),
  ],
  pad: ([x], { before, after }) => [
    numpy.pad(
      x!.ref,
      before.map((count, axis): [number, number] => [count, after[axis]!]),
    ),
  ],
  concat: (inputs, { axis }) => [
    numpy.concatenate(
      inputs.map((x) => x.ref),
      axis,
    ),
  ],

  matMul: ([a, b], { transposeA, transposeB }) => [
    numpy.matmul(swapped(a!.ref, transposeA), swapped(b!.ref, transposeB)),
  ],

  softmax: unary((x) => nn.softmax(x, -1)),
  silu: unary(nn.silu),
  linear: ([x, weight, bias], { transposeWeight }) => {
    const projected = numpy.matmul(x!.ref, swapped(weight!.ref, transposeWeight));
    return [bias === undefined ? projected : numpy.add(projected, bias.ref)];
  },
};
