import { describe, expect, it } from "vitest";
import { promptChunk } from "./prompt-chunk.js";

const asIs = (size: number) => size;
const roundUp = (size: number, multiple: number) => Math.ceil(size / multiple) * multiple;
const valuesOf = (chunk: ReturnType<typeof promptChunk>) =>
  Object.fromEntries(Object.entries(chunk).map(([name, { data }]) => [name, [...data]]));
const row = (length: number, first: number) => Array.from({ length }, (_, index) => first + index);

describe("promptChunk", () => {
  it("says where the real tokens stand, the last of each prompt not among them", () => {
    const prompts = [[7, 8, 9, 10], [11], [12, 13, 14]];
    expect(valuesOf(promptChunk(prompts, 0, 3, asIs))).toEqual({
      ids: [7, 8, 9, 0, 0, 0, 12, 13, 0],
      places: [0, 1, 2, 6, 7],
      spread: [0, 1, 2, 0, 0, 0, 3, 4, 0],
    });
    expect(valuesOf(promptChunk(prompts, 2, 1, asIs))).toEqual({
      ids: [9, 0, 0],
      places: [0],
      spread: [0, 0, 0],
    });
  });

  it("computes all where there is little padding", () => {
    // 31 of 32, and 30
    expect(Object.keys(promptChunk([row(17, 1), row(16, 1)], 0, 16, asIs))).toEqual(["ids"]);
    expect(Object.keys(promptChunk([row(17, 1), row(15, 1)], 0, 16, asIs))).toContain("places");
  });

  it("fills up to sizes that recur where each is compiled", () => {
    // 39 + 1 tokens of 2 * 48 become 64, a multiple of 2 * 16.
    const { places, spread } = promptChunk([row(40, 1), [1, 2]], 0, 48, roundUp);
    expect([...(places?.data ?? [])]).toEqual([...row(39, 0), 48, ...new Array(24).fill(0)]);
    expect(spread?.data[48]).toBe(39);
    // 15 + 1 tokens of 2 * 16 would become all.
    expect(Object.keys(promptChunk([row(16, 1), [1, 2]], 0, 16, roundUp))).toEqual(["ids"]);
  });
});
