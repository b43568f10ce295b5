import {
  add,
  attention,
  exp,
  fill,
  gelu,
  iota,
  layerNorm,
  less,
  linear,
  mul,
  reshape,
  select,
  slice,
  type Tensor,
  transpose,
  zeros,
} from "../../index.js";
import { type ConformanceCase, defineCase, real } from "../case.js";

export const graphCases: readonly ConformanceCase[] = [
  defineCase("an input returned as it is", [real([3, 4])], (x) => [x, mul(x, 2)]),
  defineCase("one result returned twice", [real([3, 4])], (x) => {
    const y = exp(x);
    return [y, y];
  }),
  defineCase("an input that nothing uses", [real([3, 4]), real([2])], (x) => mul(x, x)),
  defineCase("a constant output", [real([2])], (x) => [zeros([2, 3]), x]),
  defineCase("a long chain", [real([3])], (x) => {
    let y = x;
    for (let i = 0; i < 300; i++) y = add(mul(y, 0.99), 0.01);
    return y;
  }),
  defineCase(
    "one block of a decoder",
    [
      real([6, 8]),
      real([8]),
      real([8]),
      real([8, 24], -0.4, 0.4),
      real([8, 8], -0.4, 0.4),
      real([8, 32], -0.4, 0.4),
      real([32, 8], -0.4, 0.4),
    ],
    decoderBlock,
    { absolute: 5e-5, relative: 5e-5 },
  ),
];

/** Two rows of three tokens, width 8, two heads. */
function decoderBlock(
  x: Tensor,
  scale: Tensor,
  shift: Tensor,
  qkv: Tensor,
  out: Tensor,
  up: Tensor,
  down: Tensor,
): Tensor {
  const heads = (part: Tensor) => transpose(reshape(part, [2, 3, 2, 4]), [0, 2, 1, 3]);
  const projected = linear(layerNorm(x, scale, shift, 1e-5), qkv, undefined, false);
  const [q, k, v] = [0, 8, 16].map((start) => heads(slice(projected, 1, start, start + 8))) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const future = less(iota([1, 1, 3, 3], 2), iota([1, 1, 3, 3], 3));
  const attended = attention(q, k, v, select(future, fill(-1e30, [1, 1, 3, 3]), 0), 0.5);
  const residual = add(x, linear(reshape(transpose(attended, [0, 2, 1, 3]), [6, 8]), out, undefined, false));
  return add(
    residual,
    linear(
      gelu(linear(layerNorm(residual, scale, shift, 1e-5), up, undefined, false), "tanh"),
      down,
      undefined,
      false,
    ),
  );
}
