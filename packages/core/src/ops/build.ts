import { ShapeMismatchError } from "../errors.js";
import { type Operation, resultsOf, type Tensor } from "../tensor.js";
import {
  type DType,
  formatType,
  type HostTensor,
  type Shape,
  sameShape,
  sizeOf,
  type TensorType,
} from "../types.js";
import type { OpAttributes, OpName } from "./attributes.js";
import { inferTable } from "./infer.js";

/** Applies an op to tensors; types are checked here, at the caller's line. */
export function apply<K extends OpName>(
  op: K,
  inputs: readonly Tensor[],
  attributes: OpAttributes[K],
  source: Error = new Error(op),
): readonly Tensor[] {
  const types = inferTable[op](
    inputs.map((input) => input.type),
    attributes,
  );
  const operation: Operation<K> = { op, inputs, attributes, types, source };
  return resultsOf(operation);
}

function single<K extends OpName>(op: K, inputs: readonly Tensor[], attributes: OpAttributes[K]): Tensor {
  return apply(op, inputs, attributes)[0] as Tensor;
}

// Leaves

/** A value to be given when the graph runs. */
export const input = (name: string, type: TensorType): Tensor => single("input", [], { name, type });
/** A value known now; not copied. */
export const constant = (value: HostTensor): Tensor => single("constant", [], { value });
/** Every element is `value`. */
export const fill = (value: number, shape: Shape, dtype: DType = "float32"): Tensor =>
  single("fill", [], { type: { dtype, shape }, value });
/** Zeros, or false. */
export const zeros = (shape: Shape, dtype: DType = "float32"): Tensor => fill(0, shape, dtype);
/** int32 indices along `axis`. */
export const iota = (shape: Shape, axis: number): Tensor => single("iota", [], { shape, axis });

// Elementwise, one operand
/** `-x` */
export const neg = (x: Tensor): Tensor => single("neg", [x], {});
/** `|x|` */
export const abs = (x: Tensor): Tensor => single("abs", [x], {});
/** `e^x` */
export const exp = (x: Tensor): Tensor => single("exp", [x], {});
/** Natural logarithm. */
export const log = (x: Tensor): Tensor => single("log", [x], {});
/** Square root. */
export const sqrt = (x: Tensor): Tensor => single("sqrt", [x], {});
/** Hyperbolic tangent. */
export const tanh = (x: Tensor): Tensor => single("tanh", [x], {});
/** `1 / (1 + e^-x)` */
export const sigmoid = (x: Tensor): Tensor => single("sigmoid", [x], {});
/** Error function. */
export const erf = (x: Tensor): Tensor => single("erf", [x], {});
/** Of radians. */
export const sin = (x: Tensor): Tensor => single("sin", [x], {});
/** Of radians. */
export const cos = (x: Tensor): Tensor => single("cos", [x], {});
/** Of bools. */
export const not = (x: Tensor): Tensor => single("not", [x], {});
/** As another type: towards 0 to int32; to bool, whether it is not 0. */
export const cast = (x: Tensor, dtype: DType): Tensor =>
  x.dtype === dtype ? x : single("cast", [x], { dtype });
/** `x`, computed after `after`; never merged with an equal value. */
export const barrier = (x: Tensor, after: Tensor): Tensor => single("barrier", [x, after], {});

// Elementwise, two operands; numbers and smaller shapes are broadcast as in NumPy

/** A tensor, or a number that takes the type and shape of the other operand. */
export type Operand = Tensor | number;

/** `a + b` */
export const add = (a: Operand, b: Operand): Tensor => pairwise("add", a, b);
/** `a - b` */
export const sub = (a: Operand, b: Operand): Tensor => pairwise("sub", a, b);
/** `a b` */
export const mul = (a: Operand, b: Operand): Tensor => pairwise("mul", a, b);
/** `a / b` */
export const div = (a: Operand, b: Operand): Tensor => pairwise("div", a, b);
/** The larger of two, element by element. */
export const maximum = (a: Operand, b: Operand): Tensor => pairwise("maximum", a, b);
/** The smaller of two, element by element. */
export const minimum = (a: Operand, b: Operand): Tensor => pairwise("minimum", a, b);
/** `a = b`, bool. */
export const equal = (a: Operand, b: Operand): Tensor => pairwise("equal", a, b);
/** `a < b`, bool. */
export const less = (a: Operand, b: Operand): Tensor => pairwise("less", a, b);
/** `a <= b`, bool. */
export const lessEqual = (a: Operand, b: Operand): Tensor => pairwise("lessEqual", a, b);
/** Of bools. */
export const and = (a: Tensor, b: Tensor): Tensor => pairwise("and", a, b);
/** Of bools. */
export const or = (a: Tensor, b: Tensor): Tensor => pairwise("or", a, b);
/** `x * x` */
export const square = (x: Tensor): Tensor => mul(x, x);
/** `x` limited to `[low, high]`. */
export const clamp = (x: Tensor, low: Operand, high: Operand): Tensor => minimum(maximum(x, low), high);

/** `condition ? yes : no`, elementwise. */
export function select(condition: Tensor, yes: Operand, no: Operand): Tensor {
  const model = typeof yes !== "number" ? yes : typeof no !== "number" ? no : undefined;
  const dtype = model?.dtype ?? "float32";
  const shape = broadcastShape("select", [condition.shape, shapeOf(yes), shapeOf(no)]);
  return single(
    "select",
    [broadcast(condition, shape), toTensor(yes, dtype, shape), toTensor(no, dtype, shape)],
    {},
  );
}

type PairwiseName =
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
  | "or";

function pairwise(op: PairwiseName, a: Operand, b: Operand): Tensor {
  const dtype = typeof a !== "number" ? a.dtype : typeof b !== "number" ? b.dtype : "float32";
  const shape = broadcastShape(op, [shapeOf(a), shapeOf(b)]);
  return single(op, [toTensor(a, dtype, shape), toTensor(b, dtype, shape)], {});
}

const shapeOf = (operand: Operand): Shape => (typeof operand === "number" ? [] : operand.shape);

function toTensor(operand: Operand, dtype: DType, shape: Shape): Tensor {
  return typeof operand === "number" ? fill(operand, shape, dtype) : broadcast(operand, shape);
}

/** The shape that all broadcast to. @throws {ShapeMismatchError} when there is none */
export function broadcastShape(op: string, shapes: readonly Shape[]): Shape {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    let size = 1;
    for (const shape of shapes) {
      const own = shape[axis - rank + shape.length];
      if (own === undefined || own === 1 || own === size) continue;
      if (size !== 1) {
        throw new ShapeMismatchError(
          `${op}: shapes ${shapes.map((s) => `[${s.join(",")}]`).join(" and ")} do not broadcast`,
          { op, shapes },
        );
      }
      size = own;
    }
    result.push(size);
  }
  return result;
}

/** Repeats axes of size 1 and adds leading axes, as NumPy does; nothing when the shape is already right. */
export function broadcast(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const aligned = reshape(x, [...new Array<number>(shape.length - x.shape.length).fill(1), ...x.shape]);
  return sameShape(aligned.shape, shape) ? aligned : single("broadcastTo", [aligned], { shape });
}

// Reductions

/** Axes may be negative; `undefined` is all. Reduced axes are dropped unless kept. */
export const sum = (x: Tensor, axes?: number | readonly number[], keepAxes = false): Tensor =>
  reduce("sum", x, axes, keepAxes);
/** Largest element; axes as of {@link sum}. */
export const max = (x: Tensor, axes?: number | readonly number[], keepAxes = false): Tensor =>
  reduce("max", x, axes, keepAxes);
/** Mean; axes as of {@link sum}. */
export function mean(x: Tensor, axes?: number | readonly number[], keepAxes = false): Tensor {
  const total = sum(x, axes, keepAxes);
  return mul(total, sizeOf(total.shape) / sizeOf(x.shape));
}
/** int32 index of the first maximum along the last axis. */
export const argMax = (x: Tensor): Tensor => single("argMax", [x], {});

function reduce(
  op: "sum" | "max",
  x: Tensor,
  axes: number | readonly number[] | undefined,
  keepAxes: boolean,
): Tensor {
  const given =
    axes === undefined ? x.shape.map((_, axis) => axis) : typeof axes === "number" ? [axes] : axes;
  const normalized = given.map((axis) => (axis < 0 ? axis + x.shape.length : axis));
  const kept = normalized.length === 0 ? x : single(op, [x], { axes: normalized });
  return keepAxes
    ? kept
    : reshape(
        kept,
        x.shape.filter((_, axis) => !normalized.includes(axis)),
      );
}

// Movement

/** One size may be -1. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = shape.reduce((size, axis) => (axis === -1 ? size : size * axis), 1);
  const full = shape.map((axis) => (axis === -1 ? sizeOf(x.shape) / known : axis));
  // Of several in a row the last one decides.
  const source = x.operation.op === "reshape" ? (x.operation.inputs[0] as Tensor) : x;
  return sameShape(full, source.shape) ? source : single("reshape", [source], { shape: full });
}
/** Axis `i` of the result is axis `permutation[i]` of `x`. */
export function transpose(x: Tensor, permutation: readonly number[]): Tensor {
  const transposed = single("transpose", [x], { permutation });
  // Where only axes of size 1 change places, the values lie as they did.
  const wide = permutation.filter((axis) => x.shape[axis] !== 1);
  const isInOrder = wide.every((axis, place) => place === 0 || axis > (wide[place - 1] as number));
  return isInOrder ? reshape(x, transposed.shape) : transposed;
}
/** The last two axes exchanged. */
export function transposeLast(x: Tensor): Tensor {
  const rank = x.shape.length;
  const permutation = x.shape.map((_, axis) =>
    axis === rank - 2 ? rank - 1 : axis === rank - 1 ? rank - 2 : axis,
  );
  return transpose(x, permutation);
}
/** Elements `start` to `end` (not included) of one axis. */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  const at = axis < 0 ? axis + x.shape.length : axis;
  if (start === 0 && end === x.shape[at]) return x;
  const starts = x.shape.map((_, other) => (other === at ? start : 0));
  const ends = x.shape.map((size, other) => (other === at ? end : size));
  return single("slice", [x], { starts, ends });
}
/** Zeros, or false, before and after: a number for each axis. */
export const pad = (x: Tensor, before: readonly number[], after: readonly number[]): Tensor =>
  [...before, ...after].every((size) => size === 0) ? x : single("pad", [x], { before, after });
/** One after the other along an axis, which may be negative. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const rank = tensors[0]?.shape.length ?? 0;
  return tensors.length === 1
    ? (tensors[0] as Tensor)
    : single("concat", tensors, { axis: axis < 0 ? axis + rank : axis });
}

// Linear

/** Which operands lie with their last two axes exchanged. */
export interface MatMulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** Matrix product over the last two axes; leading axes must be equal. */
export const matMul = (
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: MatMulOptions = {},
): Tensor => single("matMul", [a, b], { transposeA, transposeB });

// Indexing
/** (table `[R, ...rest]`, ids int32 `[...i]`) -> `[...i, ...rest]` */
export const takeRows = (table: Tensor, ids: Tensor): Tensor => single("takeRows", [table, ids], {});
/** (base `[R, ...rest]`, ids int32 `[N]`, rows `[N, ...rest]`) -> base with `rows[n]` added to row `ids[n]` */
export const scatterAddRows = (base: Tensor, ids: Tensor, rows: Tensor): Tensor =>
  single("scatterAddRows", [base, ids, rows], {});
/** (x `[..., V]`, ids int32 `[...]`) -> `[...]` */
export const takeAlongLast = (x: Tensor, ids: Tensor): Tensor => single("takeAlongLast", [x, ids], {});
/** (values `[...]`, ids int32 `[...]`) -> `[..., size]`, zero but for `values` at `ids` */
export const scatterAlongLast = (values: Tensor, ids: Tensor, size: number): Tensor =>
  single("scatterAlongLast", [values, ids], { size });
/** `base` with `update` written from `start`, int32 `[]`, on along `axis`; has no gradient. */
export const updateSlice = (base: Tensor, update: Tensor, start: Tensor, axis: number): Tensor =>
  single("updateSlice", [base, update, start], { axis });

// Composites

/** Over the last axis. */
export const softmax = (x: Tensor): Tensor => single("softmax", [x], {});
/** Over the last axis. */
export const logSoftmax = (x: Tensor): Tensor => single("logSoftmax", [x], {});
/** @see Ba et al. 2016; x `[..., D]`, weight and bias `[D]` */
export const layerNorm = (x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor =>
  single("layerNorm", [x, weight, bias], { epsilon });
/** @see Zhang and Sennrich 2019; x `[..., D]`, weight `[D]` */
export const rmsNorm = (x: Tensor, weight: Tensor, epsilon: number): Tensor =>
  single("rmsNorm", [x, weight], { epsilon });
/** `tanh` is GPT-2's form (gelu_new), `none` the exact one. */
export const gelu = (x: Tensor, approximate: "tanh" | "none"): Tensor => single("gelu", [x], { approximate });
/** `x * sigmoid(x)` */
export const silu = (x: Tensor): Tensor => single("silu", [x], {});
/** Rotary position embedding, rotate-half form. @see Su et al. 2021 */
export const rotary = (x: Tensor, cosine: Tensor, sine: Tensor): Tensor =>
  single("rotary", [x, cosine, sine], {});
/** Scaled dot-product attention; shapes at `attention` in attributes.ts. */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask: Tensor | undefined,
  scale: number,
  block: number | null = null,
): Tensor {
  return single("attention", mask === undefined ? [q, k, v] : [q, k, v, mask], { scale, block });
}
/**
 * Attention of one new token per row over a cache, and the cache with it: queries `[B, H, 1, Dh]`, new keys and values
 * `[B, G, 1, Dh]`, cache and lengths as at `cachedAttention` in attributes.ts.
 */
export function cachedAttention(
  projections: { readonly queries: Tensor; readonly keys: Tensor; readonly values: Tensor },
  cache: { readonly keys: Tensor; readonly values: Tensor },
  lengths: Tensor,
  attributes: { readonly scale: number; readonly slidingWindow: number | null },
): { readonly attended: Tensor; readonly keys: Tensor; readonly values: Tensor } {
  const { queries, keys, values } = projections;
  const rows = [queries, keys, values].map((x) => reshape(x, [x.shape[0] as number, -1]));
  const inputs = [...rows, cache.keys, cache.values, lengths];
  const [attended, nextKeys, nextValues] = apply("cachedAttention", inputs, attributes) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  return { attended: reshape(attended, queries.shape), keys: nextKeys, values: nextValues };
}
/** x `[..., I]` times weight (`[O, I]` when `transposeWeight`, else `[I, O]`) plus bias `[O]`. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, transposeWeight = true): Tensor {
  return single("linear", bias === undefined ? [x, weight] : [x, weight, bias], { transposeWeight });
}
/** Log-probabilities of `targets` under `softmax(x weight^T)` and the entropy of that distribution, both `[N]`, nats. */
export function linearTokenLogProbs(
  x: Tensor,
  weight: Tensor,
  targets: Tensor,
): { readonly logProbs: Tensor; readonly entropy: Tensor } {
  const [logProbs, entropy] = apply("linearTokenLogProbs", [x, weight, targets], {});
  return { logProbs: logProbs as Tensor, entropy: entropy as Tensor };
}
/** Row `ids[m]` of x `[N, W]` at each place m; `places[n]` is where row n belongs. See attributes.ts. */
export const spreadRows = (x: Tensor, ids: Tensor, places: Tensor): Tensor =>
  single("spreadRows", [x, ids, places], {});
/** The rows of x `[M, W]` at `places`, as `spreadRows` put them there. */
export const collectRows = (x: Tensor, places: Tensor, ids: Tensor): Tensor =>
  single("collectRows", [x, places, ids], {});
/** `[]` */
export const sumSquares = (x: Tensor): Tensor => single("sumSquares", [x], {});
/** `x`; no gradient flows through. */
export const stopGradient = (x: Tensor): Tensor => single("stopGradient", [x], {});

/** `-log(1 + exp(-x))`, stable at both ends. */
export function logSigmoid(x: Tensor): Tensor {
  const magnitude = abs(x);
  // (x - |x|) / 2 is min(x, 0), with the gradient 1/2 at 0.
  return sub(mul(sub(x, magnitude), 0.5), log(add(exp(neg(magnitude)), 1)));
}

/** For messages. */
export const describeTensor = (x: Tensor): string => formatType(x.type);
