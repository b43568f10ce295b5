import type { HostData } from "../types.js";
import type { PrimitiveName } from "./attributes.js";
import {
  barrier,
  cast,
  cos,
  div,
  exp,
  less,
  lessEqual,
  mul,
  neg,
  select,
  sin,
  square,
  sub,
} from "./build.js";
import { type Evaluate, only, type PrimitivePart } from "./definition.js";

type Elementwise =
  | "neg"
  | "abs"
  | "exp"
  | "log"
  | "sqrt"
  | "tanh"
  | "sigmoid"
  | "erf"
  | "sin"
  | "cos"
  | "not"
  | "cast"
  | "barrier"
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "maximum"
  | "minimum"
  | "equal"
  | "less"
  | "lessEqual"
  | "and"
  | "or"
  | "select";

function map<K extends PrimitiveName>(apply: (x: number) => number): Evaluate<K> {
  return (inputs, _, outputs) => {
    const x = inputs[0]?.data as HostData;
    const out = outputs[0]?.data as HostData;
    for (let i = 0; i < out.length; i++) out[i] = apply(x[i] as number);
  };
}

function zip<K extends PrimitiveName>(apply: (a: number, b: number) => number): Evaluate<K> {
  return (inputs, _, outputs) => {
    const a = inputs[0]?.data as HostData;
    const b = inputs[1]?.data as HostData;
    const out = outputs[0]?.data as HostData;
    for (let i = 0; i < out.length; i++) out[i] = apply(a[i] as number, b[i] as number);
  };
}

/** Error function, to double precision: Taylor series near 0, continued fraction of erfc beyond. */
function errorFunction(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude < 2) {
    let term = x;
    let total = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total) && n < 100; n++) {
      term *= -(x * x) / n;
      total += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * total;
  }
  if (magnitude > 6) return Math.sign(x);
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (magnitude + fraction);
  const complement = Math.exp(-magnitude * magnitude) / Math.sqrt(Math.PI) / (magnitude + fraction);
  return Math.sign(x) * (1 - complement);
}

export const elementwise: PrimitivePart<Elementwise> = {
  neg: { evaluate: map((x) => -x), gradient: ({ gradients }) => [neg(only(gradients))] },
  abs: {
    evaluate: map(Math.abs),
    // 0 at 0, as PyTorch.
    gradient: ({ inputs: [x], gradients }) => {
      const g = only(gradients);
      return [select(less(0, x!), g, select(less(x!, 0), neg(g), 0))];
    },
  },
  exp: { evaluate: map(Math.exp), gradient: ({ outputs: [y], gradients }) => [mul(only(gradients), y!)] },
  log: { evaluate: map(Math.log), gradient: ({ inputs: [x], gradients }) => [div(only(gradients), x!)] },
  sqrt: {
    evaluate: map(Math.sqrt),
    gradient: ({ outputs: [y], gradients }) => [div(mul(only(gradients), 0.5), y!)],
  },
  tanh: {
    evaluate: map(Math.tanh),
    gradient: ({ outputs: [y], gradients }) => {
      const g = only(gradients);
      return [sub(g, mul(g, square(y!)))];
    },
  },
  sigmoid: {
    evaluate: map((x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)))),
    gradient: ({ outputs: [y], gradients }) => {
      const scaled = mul(only(gradients), y!);
      return [sub(scaled, mul(scaled, y!))];
    },
  },
  erf: {
    evaluate: map(errorFunction),
    gradient: ({ inputs: [x], gradients }) => [
      mul(mul(only(gradients), 2 / Math.sqrt(Math.PI)), exp(neg(square(x!)))),
    ],
  },
  sin: { evaluate: map(Math.sin), gradient: ({ inputs: [x], gradients }) => [mul(only(gradients), cos(x!))] },
  cos: {
    evaluate: map(Math.cos),
    gradient: ({ inputs: [x], gradients }) => [neg(mul(only(gradients), sin(x!)))],
  },
  not: { evaluate: map((x) => (x === 0 ? 1 : 0)), gradient: null },
  cast: {
    // Floats become whole numbers by cutting towards zero, as C does.
    evaluate: (inputs, { dtype }, outputs) => {
      const x = inputs[0]?.data as HostData;
      const out = outputs[0]?.data as HostData;
      const convert =
        dtype === "bool"
          ? (v: number) => (v === 0 ? 0 : 1)
          : dtype === "int32"
            ? Math.trunc
            : (v: number) => v;
      for (let i = 0; i < out.length; i++) out[i] = convert(x[i] as number);
    },
    gradient: ({ inputs: [x], attributes, gradients }) => [
      x!.dtype === "float32" && attributes.dtype === "float32" ? cast(only(gradients), "float32") : undefined,
    ],
  },
  barrier: {
    evaluate: map((x) => x),
    gradient: ({ inputs: [, after], gradients }) => [barrier(only(gradients), after!), undefined],
  },

  add: { evaluate: zip((a, b) => a + b), gradient: ({ gradients }) => [only(gradients), only(gradients)] },
  sub: {
    evaluate: zip((a, b) => a - b),
    gradient: ({ gradients }) => [only(gradients), neg(only(gradients))],
  },
  mul: {
    evaluate: zip((a, b) => a * b),
    gradient: ({ inputs: [a, b], gradients }) => [mul(only(gradients), b!), mul(only(gradients), a!)],
  },
  div: {
    evaluate: zip((a, b) => a / b),
    gradient: ({ inputs: [, b], outputs: [y], gradients }) => {
      const byA = div(only(gradients), b!);
      return [byA, neg(mul(byA, y!))];
    },
  },
  // At a tie the gradient goes to the first operand of maximum and minimum alike.
  maximum: {
    evaluate: zip((a, b) => (a >= b || Number.isNaN(a) ? a : b)),
    gradient: ({ inputs: [a, b], gradients }) => {
      const g = only(gradients);
      const first = lessEqual(b!, a!);
      return [select(first, g, 0), select(first, 0, g)];
    },
  },
  minimum: {
    evaluate: zip((a, b) => (a <= b || Number.isNaN(a) ? a : b)),
    gradient: ({ inputs: [a, b], gradients }) => {
      const g = only(gradients);
      const first = lessEqual(a!, b!);
      return [select(first, g, 0), select(first, 0, g)];
    },
  },
  equal: { evaluate: zip((a, b) => (a === b ? 1 : 0)), gradient: null },
  less: { evaluate: zip((a, b) => (a < b ? 1 : 0)), gradient: null },
  lessEqual: { evaluate: zip((a, b) => (a <= b ? 1 : 0)), gradient: null },
  and: { evaluate: zip((a, b) => (a !== 0 && b !== 0 ? 1 : 0)), gradient: null },
  or: { evaluate: zip((a, b) => (a !== 0 || b !== 0 ? 1 : 0)), gradient: null },
  select: {
    evaluate: (inputs, _, outputs) => {
      const [condition, yes, no] = inputs.map((input) => input.data) as [HostData, HostData, HostData];
      const out = outputs[0]?.data as HostData;
      for (let i = 0; i < out.length; i++) out[i] = (condition[i] !== 0 ? yes[i] : no[i]) as number;
    },
    gradient: ({ inputs: [condition], gradients }) => {
      const g = only(gradients);
      return [undefined, select(condition!, g, 0), select(condition!, 0, g)];
    },
  },
};
