import { compileFunction, constant, int32, referenceBackend, type Tensor } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { branchMask, causalMask, documentMask, leftPaddedMask } from "./masks.js";

/** 1 where a query (row) sees a key (column). */
async function seen(
  body: (given: Tensor) => Tensor,
  rows: readonly (readonly number[])[],
): Promise<string[]> {
  const length = (rows[0] as readonly number[]).length;
  const run = compileFunction(referenceBackend(), ({ given }: { given: Tensor }) => ({ mask: body(given) }));
  const { mask } = await run({ given: int32(rows.flat(), [rows.length, length]) });
  const { data } = await mask.read();
  expect([...data].every(Number.isFinite)).toBe(true);
  return Array.from({ length: data.length / length }, (_, query) =>
    [...data.subarray(query * length, (query + 1) * length)].map((value) => Number(value === 0)).join(""),
  );
}

describe("masks", () => {
  it("causal: the past and oneself", async () => {
    expect(await seen(() => causalMask(4), [[0, 0, 0, 0]])).toEqual(["1000", "1100", "1110", "1111"]);
  });

  it("causal with a window of 2 keys", async () => {
    expect(await seen(() => causalMask(4, 2), [[0, 0, 0, 0]])).toEqual(["1000", "1100", "0110", "0011"]);
  });

  it("padding is not seen", async () => {
    const rows = [
      [0, 1, 1],
      [1, 1, 0],
    ];
    expect(await seen(leftPaddedMask, rows)).toEqual(["000", "010", "011", "100", "110", "110"]);
  });

  it("documents do not see each other", async () => {
    expect(await seen(documentMask, [[0, 0, 1, 1, -1]])).toEqual([
      "10000",
      "11000",
      "00100",
      "00110",
      "00001",
    ]);
  });

  it("branches see what they share and themselves", async () => {
    const positions = constant(int32([0, 1, 2, 3, 2, 0], [1, 6]));
    const branches = [[0, 0, 1, 1, 2, -1]];
    expect(await seen((given) => branchMask(given, positions), branches)).toEqual([
      "100000",
      "110000",
      "111000",
      "111100",
      "110010",
      "110001",
    ]);
  });

  it("a window over branches counts positions: the second branch stands beside the first, not behind it", async () => {
    const positions = constant(int32([0, 1, 2, 3, 2], [1, 5]));
    expect(await seen((given) => branchMask(given, positions, 2), [[0, 0, 1, 1, 2]])).toEqual([
      "10000",
      "11000",
      "01100",
      "00110",
      "01001",
    ]);
  });
});
