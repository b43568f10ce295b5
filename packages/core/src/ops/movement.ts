import type { Tensor } from "../tensor.js";
import { type HostTensor, type Shape, stridesOf } from "../types.js";
import { apply, pad, reshape, slice, sum, transpose } from "./build.js";
import { only, type PrimitivePart } from "./definition.js";

type Movement =
  | "input"
  | "constant"
  | "fill"
  | "iota"
  | "reshape"
  | "broadcastTo"
  | "transpose"
  | "slice"
  | "pad"
  | "concat";

/** Copies the box of `shape` between two row-major tensors, given the offset and strides of each. */
function copyBox(
  shape: Shape,
  from: { readonly data: HostTensor["data"]; readonly offset: number; readonly strides: readonly number[] },
  to: { readonly data: HostTensor["data"]; readonly offset: number; readonly strides: readonly number[] },
): void {
  const visit = (axis: number, source: number, target: number): void => {
    if (axis === shape.length) {
      to.data[target] = from.data[source] as number;
      return;
    }
    for (let i = 0; i < (shape[axis] as number); i++) {
      visit(axis + 1, source + i * (from.strides[axis] as number), target + i * (to.strides[axis] as number));
    }
  };
  visit(0, from.offset, to.offset);
}

const dot = (index: readonly number[], strides: readonly number[]): number =>
  index.reduce((total, i, axis) => total + i * (strides[axis] as number), 0);

export const movement: PrimitivePart<Movement> = {
  input: {
    evaluate: (_, { name }) => {
      throw new Error(`input ${name} was not given`);
    },
    gradient: null,
  },
  constant: { evaluate: (_, { value }, outputs) => outputs[0]!.data.set(value.data), gradient: null },
  fill: { evaluate: (_, { value }, outputs) => void outputs[0]!.data.fill(value), gradient: null },
  iota: {
    evaluate: (_, { shape, axis }, outputs) => {
      const out = outputs[0]!.data;
      const stride = stridesOf(shape)[axis] as number;
      for (let i = 0; i < out.length; i++) out[i] = Math.floor(i / stride) % (shape[axis] as number);
    },
    gradient: null,
  },
  reshape: {
    evaluate: (inputs, _, outputs) => outputs[0]!.data.set(inputs[0]!.data),
    gradient: ({ inputs: [x], gradients }) => [reshape(only(gradients), x!.shape)],
  },
  broadcastTo: {
    evaluate: (inputs, { shape }, outputs) => {
      const { type, data } = inputs[0]!;
      const strides = stridesOf(type.shape).map((stride, axis) => (type.shape[axis] === 1 ? 0 : stride));
      copyBox(
        shape,
        { data, offset: 0, strides },
        { data: outputs[0]!.data, offset: 0, strides: stridesOf(shape) },
      );
    },
    gradient: ({ inputs: [x], attributes: { shape }, gradients }) => [
      sum(
        only(gradients),
        shape.flatMap((size, axis) => (x!.shape[axis] === size ? [] : [axis])),
        true,
      ),
    ],
  },
  transpose: {
    evaluate: (inputs, { permutation }, outputs) => {
      const { type, data } = inputs[0]!;
      const own = stridesOf(type.shape);
      const { shape } = outputs[0]!.type;
      const strides = permutation.map((axis) => own[axis] as number);
      copyBox(
        shape,
        { data, offset: 0, strides },
        { data: outputs[0]!.data, offset: 0, strides: stridesOf(shape) },
      );
    },
    gradient: ({ attributes: { permutation }, gradients }) => [
      transpose(
        only(gradients),
        permutation.map((_, axis) => permutation.indexOf(axis)),
      ),
    ],
  },
  slice: {
    evaluate: (inputs, { starts }, outputs) => {
      const { type, data } = inputs[0]!;
      const strides = stridesOf(type.shape);
      const { shape } = outputs[0]!.type;
      copyBox(
        shape,
        { data, offset: dot(starts, strides), strides },
        { data: outputs[0]!.data, offset: 0, strides: stridesOf(shape) },
      );
    },
    gradient: ({ inputs: [x], attributes: { starts, ends }, gradients }) => [
      pad(
        only(gradients),
        starts,
        x!.shape.map((size, axis) => size - (ends[axis] as number)),
      ),
    ],
  },
  pad: {
    evaluate: (inputs, { before }, outputs) => {
      const { type, data } = inputs[0]!;
      const strides = stridesOf(outputs[0]!.type.shape);
      copyBox(
        type.shape,
        { data, offset: 0, strides: stridesOf(type.shape) },
        { data: outputs[0]!.data, offset: dot(before, strides), strides },
      );
    },
    gradient: ({ inputs: [x], attributes: { before }, gradients }) => [
      apply("slice", [only(gradients)], {
        starts: before,
        ends: before.map((start, axis) => start + (x!.shape[axis] as number)),
      })[0],
    ],
  },
  concat: {
    evaluate: (inputs, { axis }, outputs) => {
      const strides = stridesOf(outputs[0]!.type.shape);
      let start = 0;
      for (const { type, data } of inputs) {
        copyBox(
          type.shape,
          { data, offset: 0, strides: stridesOf(type.shape) },
          { data: outputs[0]!.data, offset: start * (strides[axis] as number), strides },
        );
        start += type.shape[axis] as number;
      }
    },
    gradient: ({ inputs, attributes: { axis }, gradients }) => {
      const results: Tensor[] = [];
      let start = 0;
      for (const x of inputs) {
        const end = start + (x.shape[axis] as number);
        results.push(slice(only(gradients), axis, start, end));
        start = end;
      }
      return results;
    },
  },
};
