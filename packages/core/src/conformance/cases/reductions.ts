import { argMax, cast, concat, max, mean, sum } from "../../index.js";
import { type ConformanceCase, defineCase, real, whole } from "../case.js";

export const reductionCases: readonly ConformanceCase[] = [
  defineCase("sum over all", [real([3, 5, 2])], (x) => sum(x)),
  defineCase("sum over the first axis", [real([3, 5, 2])], (x) => sum(x, 0)),
  defineCase("sum over the middle axis, kept", [real([3, 5, 2])], (x) => sum(x, 1, true)),
  defineCase("sum over two axes", [real([3, 5, 2])], (x) => sum(x, [0, 2])),
  defineCase("sum int32", [whole([3, 5], -9, 9)], (x) => sum(x, 1), { gradient: false }),
  defineCase("max over the last axis", [real([3, 5])], (x) => max(x, -1, true)),
  defineCase("max over two axes", [real([3, 5, 2])], (x) => max(x, [0, 1])),
  defineCase("max int32", [whole([3, 5], -9, 9)], (x) => max(x, 0), { gradient: false }),
  defineCase("max at ties shares the gradient", [real([3, 2])], (x) => max(concat([x, x], 1), -1)),
  defineCase("mean", [real([3, 5, 2])], (x) => mean(x, 1)),
  defineCase("argMax", [real([4, 3, 7])], (x) => argMax(x), { gradient: false }),
  defineCase("argMax takes the first of ties", [whole([5, 6], 0, 3)], (x) => argMax(cast(x, "float32")), {
    gradient: false,
  }),
];
