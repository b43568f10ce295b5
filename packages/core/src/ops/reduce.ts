import { type HostData, type Shape, sizeOf, stridesOf } from "../types.js";
import { broadcast, cast, div, equal, mul, sum } from "./build.js";
import { type Evaluate, only, type PrimitivePart } from "./definition.js";

/** Folds every element into the place of its reduced index; `outputs` starts from `start`. */
function fold<K extends "sum" | "max">(
  start: number,
  combine: (total: number, x: number) => number,
): Evaluate<K> {
  return (inputs, { axes }, outputs) => {
    const input = inputs[0]!;
    const out = outputs[0]!.data;
    // -Infinity is no int32; it would become 0.
    out.fill(out instanceof Int32Array ? Math.max(start, -(2 ** 31)) : start);
    const places = reducedPlaces(input.type.shape, axes);
    for (let i = 0; i < input.data.length; i++) {
      const place = places(i);
      out[place] = combine(out[place] as number, input.data[i] as number);
    }
  };
}

/** From a flat index to the flat index in the result, where the axes have size 1. */
function reducedPlaces(shape: Shape, axes: readonly number[]): (flat: number) => number {
  const strides = stridesOf(shape);
  const resultStrides = stridesOf(shape.map((size, axis) => (axes.includes(axis) ? 1 : size)));
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  return (flat) => {
    let place = 0;
    for (const axis of kept) {
      place +=
        (Math.floor(flat / (strides[axis] as number)) % (shape[axis] as number)) *
        (resultStrides[axis] as number);
    }
    return place;
  };
}

export const reductions: PrimitivePart<"sum" | "max" | "argMax"> = {
  sum: {
    // In double precision, rounded once: the specification is the exact sum.
    evaluate: (inputs, { axes }, outputs) => {
      const input = inputs[0]!;
      const out = outputs[0]!;
      const totals = new Float64Array(sizeOf(out.type.shape));
      const places = reducedPlaces(input.type.shape, axes);
      for (let i = 0; i < input.data.length; i++) {
        const place = places(i);
        totals[place] = (totals[place] as number) + (input.data[i] as number);
      }
      out.data.set(totals);
    },
    gradient: ({ inputs: [x], gradients }) => [broadcast(only(gradients), x!.shape)],
  },
  max: {
    evaluate: fold(-Infinity, (total, x) => (x > total || Number.isNaN(x) ? x : total)),
    // Shared equally among ties.
    gradient: ({ inputs: [x], attributes: { axes }, outputs: [y], gradients }) => {
      const isMaximum = cast(equal(x!, broadcast(y!, x!.shape)), "float32");
      const share = div(only(gradients), sum(isMaximum, axes, true));
      return [mul(isMaximum, share)];
    },
  },
  argMax: {
    evaluate: (inputs, _, outputs) => {
      const { type, data } = inputs[0]!;
      const width = type.shape.at(-1) as number;
      const out = outputs[0]!.data as HostData;
      for (let row = 0; row < out.length; row++) {
        let best = 0;
        for (let i = 1; i < width; i++)
          if ((data[row * width + i] as number) > (data[row * width + best] as number)) best = i;
        out[row] = best;
      }
    },
    gradient: null,
  },
};
