import { add, matMul, mul } from "../../index.js";
import { type ConformanceCase, defineCase, real } from "../case.js";

export const productCases: readonly ConformanceCase[] = [
  defineCase("matMul", [real([3, 4]), real([4, 5])], (a, b) => matMul(a, b)),
  defineCase("matMul, A transposed", [real([4, 3]), real([4, 5])], (a, b) =>
    matMul(a, b, { transposeA: true }),
  ),
  defineCase("matMul, B transposed", [real([3, 4]), real([5, 4])], (a, b) =>
    matMul(a, b, { transposeB: true }),
  ),
  defineCase("matMul, both transposed", [real([4, 3]), real([5, 4])], (a, b) =>
    matMul(a, b, { transposeA: true, transposeB: true }),
  ),
  defineCase("matMul in batches", [real([2, 6, 3, 4]), real([2, 6, 4, 5])], (a, b) => matMul(a, b)),
  defineCase("matMul in batches, B transposed", [real([2, 6, 3, 4]), real([2, 6, 5, 4])], (a, b) =>
    matMul(a, b, { transposeB: true }),
  ),
  defineCase("matMul in batches, A transposed", [real([6, 4, 3]), real([6, 4, 5])], (a, b) =>
    matMul(a, b, { transposeA: true }),
  ),
  defineCase("matMul in batches, both transposed", [real([6, 4, 3]), real([6, 5, 4])], (a, b) =>
    matMul(a, b, { transposeA: true, transposeB: true }),
  ),
  defineCase("matMul scaled", [real([2, 3, 4]), real([2, 5, 4])], (a, b) =>
    mul(matMul(a, b, { transposeB: true }), 0.125),
  ),
  defineCase("matMul plus a row", [real([3, 4]), real([4, 5]), real([5])], (a, b, row) =>
    add(matMul(a, b), row),
  ),
  defineCase("matMul of 37 x 129 x 65", [real([37, 129]), real([129, 65])], (a, b) => matMul(a, b), {
    absolute: 5e-5,
  }),
];
