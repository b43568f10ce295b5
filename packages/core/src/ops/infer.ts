import { type DType, type Shape, sameShape, sizeOf, type TensorType } from "../types.js";
import type { OpAttributes, OpName } from "./attributes.js";
import { arity, at, dtypes, list, require } from "./input-rules.js";

/** Result types from input types; throws when they do not fit. */
export type Infer<K extends OpName> = (
  inputs: readonly TensorType[],
  attributes: OpAttributes[K],
) => TensorType[];

/** Elementwise on floats, one operand. */
function unary<K extends OpName>(op: K): Infer<K> {
  return (inputs) => {
    arity(op, inputs, 1);
    dtypes(op, inputs, "float32");
    return [at(inputs, 0)];
  };
}

/** Rows in another arrangement: inputs x, one target of each result row, one of each row of x. */
function arranged<K extends "spreadRows" | "collectRows">(op: K, rule: string): Infer<K> {
  return (inputs) => {
    arity(op, inputs, 3);
    dtypes(op, inputs, "float32", "int32", "int32");
    const [x, to, from] = [at(inputs, 0).shape, at(inputs, 1).shape, at(inputs, 2).shape];
    const fits = x.length === 2 && to.length === 1 && sameShape(from, x.slice(0, 1));
    require(fits, op, inputs, rule);
    return [{ dtype: "float32", shape: [...to, x[1] as number] }];
  };
}

function binary<K extends OpName>(op: K, operands: readonly DType[], result?: DType): Infer<K> {
  return (inputs) => {
    arity(op, inputs, 2);
    const [a, b] = [at(inputs, 0), at(inputs, 1)];
    require(a.dtype === b.dtype &&
      operands.includes(a.dtype), op, inputs, `operands must both be ${operands.join(" or ")}`);
    require(sameShape(
      a.shape,
      b.shape,
    ), op, inputs, "shapes must be equal (broadcasting is an op of its own)");
    return [{ dtype: result ?? a.dtype, shape: a.shape }];
  };
}

function reduction<K extends "sum" | "max">(op: K): Infer<K> {
  return (inputs, { axes }) => {
    arity(op, inputs, 1);
    const { dtype, shape } = at(inputs, 0);
    require(dtype !== "bool", op, inputs, "bool cannot be reduced; cast first");
    require(axes.every(
      (axis) => Number.isInteger(axis) && axis >= 0 && axis < shape.length,
    ), op, inputs, `axes ${list(axes)} out of range`);
    return [{ dtype, shape: shape.map((size, axis) => (axes.includes(axis) ? 1 : size)) }];
  };
}

const numeric: readonly DType[] = ["float32", "int32"];

/** The result types of every op. */
export const inferTable: { readonly [K in OpName]: Infer<K> } = {
  input: (_, { type }) => [type],
  constant: (_, { value }) => [value.type],
  fill: (_, { type }) => [type],
  iota: (_, { shape }) => [{ dtype: "int32", shape }],

  neg: unary("neg"),
  abs: unary("abs"),
  exp: unary("exp"),
  log: unary("log"),
  sqrt: unary("sqrt"),
  tanh: unary("tanh"),
  sigmoid: unary("sigmoid"),
  erf: unary("erf"),
  sin: unary("sin"),
  cos: unary("cos"),
  not: (inputs) => {
    arity("not", inputs, 1);
    dtypes("not", inputs, "bool");
    return [at(inputs, 0)];
  },
  cast: (inputs, { dtype }) => {
    arity("cast", inputs, 1);
    return [{ dtype, shape: at(inputs, 0).shape }];
  },
  barrier: (inputs) => {
    arity("barrier", inputs, 2);
    return [at(inputs, 0)];
  },

  add: binary("add", numeric),
  sub: binary("sub", numeric),
  mul: binary("mul", numeric),
  div: binary("div", ["float32"]),
  maximum: binary("maximum", numeric),
  minimum: binary("minimum", numeric),
  equal: binary("equal", numeric, "bool"),
  less: binary("less", numeric, "bool"),
  lessEqual: binary("lessEqual", numeric, "bool"),
  and: binary("and", ["bool"]),
  or: binary("or", ["bool"]),
  select: (inputs) => {
    arity("select", inputs, 3);
    dtypes("select", inputs, "bool");
    const [condition, yes, no] = [at(inputs, 0), at(inputs, 1), at(inputs, 2)];
    require(yes.dtype === no.dtype, "select", inputs, "both choices must have one dtype");
    require(sameShape(condition.shape, yes.shape) &&
      sameShape(yes.shape, no.shape), "select", inputs, "shapes must be equal");
    return [yes];
  },

  sum: reduction("sum"),
  max: reduction("max"),
  argMax: (inputs) => {
    arity("argMax", inputs, 1);
    dtypes("argMax", inputs, "float32");
    require(at(inputs, 0).shape.length > 0, "argMax", inputs, "needs at least one axis");
    return [{ dtype: "int32", shape: at(inputs, 0).shape.slice(0, -1) }];
  },

  reshape: (inputs, { shape }) => {
    arity("reshape", inputs, 1);
    const input = at(inputs, 0);
    require(shape.every(
      (size) => Number.isInteger(size) && size >= 0,
    ), "reshape", inputs, `shape ${list(shape)} must be whole numbers`);
    require(sizeOf(input.shape) ===
      sizeOf(shape), "reshape", inputs, `${sizeOf(input.shape)} elements do not fill ${list(shape)}`);
    return [{ dtype: input.dtype, shape }];
  },
  broadcastTo: (inputs, { shape }) => {
    arity("broadcastTo", inputs, 1);
    const input = at(inputs, 0);
    const fits =
      input.shape.length === shape.length &&
      input.shape.every((size, axis) => size === 1 || size === shape[axis]);
    require(fits, "broadcastTo", inputs, `cannot become ${list(shape)}; the rank must be equal and only axes of size 1 repeat`);
    return [{ dtype: input.dtype, shape }];
  },
  transpose: (inputs, { permutation }) => {
    arity("transpose", inputs, 1);
    const input = at(inputs, 0);
    const sorted = [...permutation].sort((a, b) => a - b);
    require(sorted.length === input.shape.length &&
      sorted.every(
        (axis, index) => axis === index,
      ), "transpose", inputs, `${list(permutation)} is not a permutation of its axes`);
    return [{ dtype: input.dtype, shape: permutation.map((axis) => input.shape[axis] as number) }];
  },
  slice: (inputs, { starts, ends }) => {
    arity("slice", inputs, 1);
    const input = at(inputs, 0);
    const fits =
      starts.length === input.shape.length &&
      ends.length === input.shape.length &&
      input.shape.every((size, axis) => {
        const [start, end] = [starts[axis] as number, ends[axis] as number];
        return start >= 0 && start <= end && end <= size;
      });
    require(fits, "slice", inputs, `range ${list(starts)} to ${list(ends)} is outside`);
    return [{ dtype: input.dtype, shape: starts.map((start, axis) => (ends[axis] as number) - start) }];
  },
  pad: (inputs, { before, after }) => {
    arity("pad", inputs, 1);
    const input = at(inputs, 0);
    const fits =
      before.length === input.shape.length &&
      after.length === input.shape.length &&
      [...before, ...after].every((n) => n >= 0);
    require(fits, "pad", inputs, `amounts ${list(before)} and ${list(after)} need one number per axis, not negative`);
    return [
      {
        dtype: input.dtype,
        shape: input.shape.map((size, axis) => (before[axis] as number) + size + (after[axis] as number)),
      },
    ];
  },
  concat: (inputs, { axis }) => {
    require(inputs.length > 0, "concat", inputs, "needs at least one input");
    const first = at(inputs, 0);
    const fits =
      axis >= 0 &&
      axis < first.shape.length &&
      inputs.every(
        (input) =>
          input.dtype === first.dtype &&
          input.shape.length === first.shape.length &&
          input.shape.every((size, other) => other === axis || size === first.shape[other]),
      );
    require(fits, "concat", inputs, `all but axis ${axis} must be equal`);
    const total = inputs.reduce((size, input) => size + (input.shape[axis] as number), 0);
    return [{ dtype: first.dtype, shape: first.shape.map((size, other) => (other === axis ? total : size)) }];
  },

  matMul: (inputs, { transposeA, transposeB }) => {
    arity("matMul", inputs, 2);
    dtypes("matMul", inputs, "float32", "float32");
    const [a, b] = [at(inputs, 0).shape, at(inputs, 1).shape];
    require(a.length >= 2 && a.length === b.length, "matMul", inputs, "both need the same rank, at least 2");
    require(sameShape(a.slice(0, -2), b.slice(0, -2)), "matMul", inputs, "leading axes must be equal");
    const [rows, inner] = transposeA ? [a.at(-1), a.at(-2)] : [a.at(-2), a.at(-1)];
    const [innerB, columns] = transposeB ? [b.at(-1), b.at(-2)] : [b.at(-2), b.at(-1)];
    require(inner ===
      innerB, "matMul", inputs, `inner sizes ${inner} and ${innerB} differ${transposeA || transposeB ? ` (transposeA ${transposeA}, transposeB ${transposeB})` : ""}`);
    return [{ dtype: "float32", shape: [...a.slice(0, -2), rows as number, columns as number] }];
  },

  takeRows: (inputs) => {
    arity("takeRows", inputs, 2);
    const [table, ids] = [at(inputs, 0), at(inputs, 1)];
    require(ids.dtype === "int32" &&
      table.shape.length > 0, "takeRows", inputs, "a table with rows and int32 ids");
    return [{ dtype: table.dtype, shape: [...ids.shape, ...table.shape.slice(1)] }];
  },
  scatterAddRows: (inputs) => {
    arity("scatterAddRows", inputs, 3);
    dtypes("scatterAddRows", inputs, "float32", "int32", "float32");
    const [base, ids, rows] = [at(inputs, 0), at(inputs, 1), at(inputs, 2)];
    const fits =
      base.shape.length > 0 &&
      ids.shape.length === 1 &&
      sameShape(rows.shape, [...ids.shape, ...base.shape.slice(1)]);
    require(fits, "scatterAddRows", inputs, "base [R, ...rest], ids [N], rows [N, ...rest]");
    return [base];
  },
  takeAlongLast: (inputs) => {
    arity("takeAlongLast", inputs, 2);
    dtypes("takeAlongLast", inputs, "float32", "int32");
    const [x, ids] = [at(inputs, 0), at(inputs, 1)];
    require(sameShape(x.shape.slice(0, -1), ids.shape) &&
      x.shape.length > 0, "takeAlongLast", inputs, "x [..., V], ids [...]");
    return [{ dtype: "float32", shape: ids.shape }];
  },
  scatterAlongLast: (inputs, { size }) => {
    arity("scatterAlongLast", inputs, 2);
    dtypes("scatterAlongLast", inputs, "float32", "int32");
    require(sameShape(
      at(inputs, 0).shape,
      at(inputs, 1).shape,
    ), "scatterAlongLast", inputs, "values and ids must have one shape");
    return [{ dtype: "float32", shape: [...at(inputs, 0).shape, size] }];
  },
  updateSlice: (inputs, { axis }) => {
    arity("updateSlice", inputs, 3);
    const [base, update, start] = [at(inputs, 0), at(inputs, 1), at(inputs, 2)];
    const fits =
      base.dtype === update.dtype &&
      start.dtype === "int32" &&
      start.shape.length === 0 &&
      base.shape.length === update.shape.length &&
      base.shape.every((size, other) =>
        other === axis ? (update.shape[other] as number) <= size : update.shape[other] === size,
      );
    require(fits, "updateSlice", inputs, `base and update may differ on axis ${axis} only; start is an int32 scalar`);
    return [base];
  },

  softmax: unary("softmax"),
  logSoftmax: unary("logSoftmax"),
  layerNorm: (inputs) => {
    arity("layerNorm", inputs, 3);
    dtypes("layerNorm", inputs, "float32", "float32", "float32");
    const { shape } = at(inputs, 0);
    const width = shape.slice(-1);
    require(shape.length > 0 &&
      sameShape(at(inputs, 1).shape, width) &&
      sameShape(at(inputs, 2).shape, width), "layerNorm", inputs, "x [..., D], weight [D], bias [D]");
    const statistic: TensorType = { dtype: "float32", shape: [...shape.slice(0, -1), 1] };
    return [at(inputs, 0), statistic, statistic];
  },
  rmsNorm: (inputs) => {
    arity("rmsNorm", inputs, 2);
    dtypes("rmsNorm", inputs, "float32", "float32");
    const { shape } = at(inputs, 0);
    require(shape.length > 0 &&
      sameShape(at(inputs, 1).shape, shape.slice(-1)), "rmsNorm", inputs, "x [..., D], weight [D]");
    return [at(inputs, 0), { dtype: "float32", shape: [...shape.slice(0, -1), 1] }];
  },
  gelu: unary("gelu"),
  silu: unary("silu"),
  rotary: (inputs) => {
    arity("rotary", inputs, 3);
    dtypes("rotary", inputs, "float32", "float32", "float32");
    const [x, cos, sin] = [at(inputs, 0).shape, at(inputs, 1).shape, at(inputs, 2).shape];
    const fits =
      x.length === 4 &&
      (x[3] as number) % 2 === 0 &&
      sameShape(cos, sin) &&
      (cos[0] === 1 || cos[0] === x[0]) &&
      cos[1] === 1 &&
      sameShape(cos.slice(2), x.slice(2));
    require(fits, "rotary", inputs, "x [B, H, T, R] with even R, cos and sin [B or 1, 1, T, R]");
    return [at(inputs, 0)];
  },
  attention: (inputs, { block }) => {
    arity("attention", inputs, 3, 4);
    dtypes("attention", inputs, "float32", "float32", "float32", "float32");
    const [q, k, v] = [at(inputs, 0).shape, at(inputs, 1).shape, at(inputs, 2).shape];
    const fits =
      q.length === 4 &&
      k.length === 4 &&
      sameShape(k, v) &&
      q[0] === k[0] &&
      q[3] === k[3] &&
      (q[1] as number) % (k[1] as number) === 0;
    require(fits, "attention", inputs, "q [B, H, T, Dh], k and v [B, G, S, Dh] with H a multiple of G");
    const mask = inputs[3]?.shape;
    if (mask !== undefined) {
      const masked =
        mask.length === 4 &&
        (mask[0] === 1 || mask[0] === q[0]) &&
        mask[1] === 1 &&
        mask[2] === q[2] &&
        mask[3] === k[2];
      require(masked, "attention", inputs, "mask [B or 1, 1, T, S]");
    }
    const isCausal = block === null || (Number.isInteger(block) && block > 0 && q[2] === k[2]);
    require(isCausal, "attention", inputs, "as many keys as queries, in blocks of at least 1");
    return [at(inputs, 0)];
  },
  cachedAttention: (inputs) => {
    arity("cachedAttention", inputs, 6);
    dtypes("cachedAttention", inputs, "float32", "float32", "float32", "float32", "float32", "int32");
    const [queries, cache] = [at(inputs, 0).shape, at(inputs, 3).shape];
    const [batch = 0, groups = 0, slots = 0, width = 0] = cache;
    const [token, perGroup] = [[batch, groups * width], (queries[1] ?? 0) / (groups * width)];
    const expected = [
      [batch, perGroup * groups * width],
      token,
      token,
      [batch, groups, slots, width],
      cache,
      [batch],
    ];
    const fits =
      slots > 0 &&
      Number.isInteger(perGroup) &&
      inputs.every(({ shape }, index) => sameShape(shape, expected[index] as Shape));
    require(fits, "cachedAttention", inputs, "q [B, H * Dh], k and v [B, G * Dh], cached keys and values [B, G, S, Dh], lengths [B]");
    return [at(inputs, 0), at(inputs, 3), at(inputs, 4)];
  },
  linear: (inputs, { transposeWeight }) => {
    arity("linear", inputs, 2, 3);
    dtypes("linear", inputs, "float32", "float32", "float32");
    const [x, weight] = [at(inputs, 0).shape, at(inputs, 1).shape];
    require(x.length > 0 && weight.length === 2, "linear", inputs, "x [..., I] and a weight of rank 2");
    const [output, input] = transposeWeight ? [weight[0], weight[1]] : [weight[1], weight[0]];
    require(x.at(-1) === input, "linear", inputs, `the weight takes width ${input}, x has ${x.at(-1)}`);
    const bias = inputs[2]?.shape;
    require(bias === undefined ||
      sameShape(bias, [output as number]), "linear", inputs, `bias must be [${output}]`);
    return [{ dtype: "float32", shape: [...x.slice(0, -1), output as number] }];
  },
  linearTokenLogProbs: (inputs) => {
    arity("linearTokenLogProbs", inputs, 3);
    dtypes("linearTokenLogProbs", inputs, "float32", "float32", "int32");
    const [x, weight, targets] = [at(inputs, 0).shape, at(inputs, 1).shape, at(inputs, 2).shape];
    const fits =
      x.length === 2 && weight.length === 2 && x[1] === weight[1] && sameShape(targets, x.slice(0, 1));
    require(fits, "linearTokenLogProbs", inputs, "x [N, D], weight [V, D], targets [N]");
    const result: TensorType = { dtype: "float32", shape: targets };
    return [result, result];
  },
  spreadRows: arranged("spreadRows", "x [N, W], ids [M], places [N]"),
  collectRows: arranged("collectRows", "x [M, W], places [N], ids [M]"),
  sumSquares: (inputs) => {
    arity("sumSquares", inputs, 1);
    dtypes("sumSquares", inputs, "float32");
    return [{ dtype: "float32", shape: [] }];
  },
  adamWUpdate: (inputs) => {
    arity("adamWUpdate", inputs, 8);
    const state = inputs.slice(0, 4);
    const scalars = inputs.slice(4);
    require(inputs.every((input) => input.dtype === "float32"), "adamWUpdate", inputs, "all float32");
    require(state.every((input) =>
      sameShape(input.shape, at(inputs, 0).shape),
    ), "adamWUpdate", inputs, "parameter, gradient, m and v must have one shape");
    require(scalars.every(
      (input) => input.shape.length === 0,
    ), "adamWUpdate", inputs, "the four settings are scalars");
    return [at(inputs, 0), at(inputs, 0), at(inputs, 0)];
  },
  checkpoint: (inputs, { body }) => {
    const fits =
      inputs.length === body.inputs.length &&
      inputs.every((input, index) =>
        sameShape(input.shape, (body.inputs[index] as { shape: readonly number[] }).shape),
      );
    require(fits, "checkpoint", inputs, "inputs must be those that the body was traced with");
    return body.outputs.map((output) => output.type);
  },
  stopGradient: (inputs) => {
    arity("stopGradient", inputs, 1);
    return [at(inputs, 0)];
  },
};
