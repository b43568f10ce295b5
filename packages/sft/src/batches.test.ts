import { describe, expect, it } from "vitest";
import { toBatches } from "./batches.js";

describe("toBatches", () => {
  it("fills the last batch with rows that teach nothing", () => {
    const example = (length: number) => ({
      inputIds: new Int32Array(length).fill(5),
      labels: Int32Array.from({ length }, (_, position) => (position === 0 ? -100 : 5)),
    });
    const batches = toBatches([example(3), example(20), example(2)], {
      padTokenId: 1,
      rows: 2,
      packing: false,
      multipleOf: null,
      fewSizes: true,
    });
    expect(batches.map(({ rows, length }) => [rows, length])).toEqual([
      [2, 32],
      [2, 16],
    ]);
    // 2 + 19 labels, then 1; rows of M are rounded up to 32.
    expect(batches.map(({ labelTokens, targetRows }) => [labelTokens, targetRows.length])).toEqual([
      [21, 32],
      [1, 32],
    ]);
    expect([...batches[1]!.inputIds.slice(16)]).toEqual(new Array(16).fill(1));
  });
});
