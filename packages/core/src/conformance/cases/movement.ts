import {
  add,
  broadcast,
  concat,
  constant,
  div,
  fill,
  float32,
  int32,
  iota,
  mul,
  pad,
  reshape,
  slice,
  sub,
  transpose,
} from "../../index.js";
import { type ConformanceCase, defineCase, real, whole } from "../case.js";

export const movementCases: readonly ConformanceCase[] = [
  defineCase("constant", [real([2, 3])], (x) => mul(x, constant(float32([1, 2, 3, 4, 5, 6], [2, 3])))),
  defineCase("constant int32", [whole([3], 0, 5)], (x) => add(x, constant(int32([7, 8, 9], [3]))), {
    gradient: false,
  }),
  defineCase("fill", [real([2, 3])], (x) => [add(x, fill(0.75, [2, 3])), fill(3, [2, 2])]),
  defineCase("fill int32", [whole([2, 3], 0, 5)], (x) => add(x, fill(4, [2, 3], "int32")), {
    gradient: false,
  }),
  defineCase("iota", [whole([3, 4], 0, 5)], (x) => [add(x, iota([3, 4], 0)), add(x, iota([3, 4], 1))], {
    gradient: false,
  }),
  defineCase("reshape", [real([3, 4])], (x) => reshape(x, [2, -1, 3])),
  defineCase("reshape to and from a scalar", [real([1, 1])], (x) => reshape(mul(reshape(x, []), 2), [1])),
  defineCase("broadcastTo", [real([3, 1, 2])], (x) => broadcast(x, [3, 4, 2])),
  defineCase("broadcastTo int32", [whole([3, 1], 0, 9)], (x) => broadcast(x, [3, 4]), { gradient: false }),
  defineCase("broadcast a row into a product", [real([3, 4]), real([4])], (x, row) => mul(x, row)),
  defineCase("broadcast a column into a sum", [real([3, 4]), real([3, 1])], (x, column) => add(x, column)),
  defineCase("broadcast both ways", [real([3, 1]), real([1, 4])], (column, row) => sub(column, row)),
  defineCase("broadcast a scalar", [real([3, 4]), real([])], (x, scalar) => div(x, add(scalar, 3))),
  defineCase("transpose, two axes", [real([3, 4])], (x) => transpose(x, [1, 0])),
  defineCase("transpose, four axes", [real([2, 3, 4, 5])], (x) => transpose(x, [0, 2, 1, 3])),
  defineCase("transpose, a cycle", [real([2, 3, 4])], (x) => transpose(x, [2, 0, 1])),
  defineCase("slice", [real([4, 5, 3])], (x) => slice(slice(x, 0, 1, 3), 2, 0, 2)),
  defineCase("slice int32", [whole([4, 5], 0, 99)], (x) => slice(x, 1, 2, 5), { gradient: false }),
  defineCase("pad", [real([2, 3])], (x) => pad(x, [1, 0], [2, 3])),
  defineCase("concat", [real([2, 3]), real([2, 1]), real([2, 4])], (a, b, c) => concat([a, b, c], 1)),
  defineCase(
    "concat int32 over the first axis",
    [whole([2, 3], 0, 9), whole([1, 3], 0, 9)],
    (a, b) => concat([a, b], 0),
    { gradient: false },
  ),
];
