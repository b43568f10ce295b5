import { expect, it } from "vitest";
import { formatBytes, formatDuration, formatRate, formatTable } from "./format.js";

it("writes sizes, times and rates in few digits", () => {
  expect([0, 999, 1500, 123_456_789, 2.5e12].map(formatBytes)).toEqual([
    "0 B",
    "999 B",
    "1.5 kB",
    "123 MB",
    "2.5 TB",
  ]);
  expect([8.4, 88, 7500].map(formatDuration)).toEqual(["8 s", "1 min 28 s", "2 h 05 min"]);
  expect([0.01234, 3.2, 12_400.4].map(formatRate)).toEqual(["0.0123", "3.2", "12 400"]);
});

it("aligns columns", () => {
  expect(
    formatTable(
      [
        ["a", "bb"],
        ["ccc", "d"],
      ],
      " ",
    ),
  ).toBe(" a    bb\n ccc  d\n");
});
