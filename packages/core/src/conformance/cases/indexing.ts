import {
  linear,
  mul,
  scatterAddRows,
  scatterAlongLast,
  takeAlongLast,
  takeRows,
  updateSlice,
} from "../../index.js";
import { type ConformanceCase, defineCase, real, whole } from "../case.js";

export const indexCases: readonly ConformanceCase[] = [
  defineCase("takeRows", [real([7, 3]), whole([2, 4], 0, 7)], (table, ids) => takeRows(table, ids)),
  defineCase("takeRows of rank 3", [real([5, 2, 3]), whole([4], 0, 5)], (table, ids) => takeRows(table, ids)),
  defineCase("takeRows int32", [whole([7], 0, 99), whole([4], 0, 7)], (table, ids) => takeRows(table, ids), {
    gradient: false,
  }),
  defineCase(
    "takeRows twice from one table",
    [real([7, 3]), whole([4], 0, 7), whole([5], 0, 7)],
    (table, a, b) => [takeRows(table, a), takeRows(table, b)],
  ),
  defineCase("takeRows from a table that is also a head", [real([7, 3]), whole([4], 0, 7)], (table, ids) =>
    linear(takeRows(table, ids), table),
  ),
  defineCase(
    "scatterAddRows, repeated ids",
    [real([5, 3]), whole([11], 0, 5), real([11, 3])],
    (base, ids, rows) => scatterAddRows(base, ids, rows),
  ),
  defineCase("scatterAddRows, then used", [real([5, 3]), whole([4], 0, 5), real([4, 3])], (base, ids, rows) =>
    mul(scatterAddRows(base, ids, rows), 2),
  ),
  defineCase("takeAlongLast", [real([3, 4, 6]), whole([3, 4], 0, 6)], (x, ids) => takeAlongLast(x, ids)),
  defineCase("scatterAlongLast", [real([3, 4]), whole([3, 4], 0, 6)], (values, ids) =>
    scatterAlongLast(values, ids, 6),
  ),
  defineCase(
    "updateSlice",
    [real([2, 6, 3]), real([2, 2, 3]), whole([], 0, 5)],
    (base, update, start) => updateSlice(base, update, start, 1),
    { gradient: false },
  ),
  defineCase(
    "updateSlice, then used",
    [real([4, 3]), real([1, 3]), whole([], 0, 4)],
    (base, update, start) => [updateSlice(base, update, start, 0), mul(base, 2)],
    { gradient: false },
  ),
];
