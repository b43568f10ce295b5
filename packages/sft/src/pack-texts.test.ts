import { describe, expect, it } from "vitest";
import { packTexts } from "./pack-texts.js";

const text = (...ids: number[]) => ({
  inputIds: Int32Array.from(ids),
  labels: Int32Array.from([-100, ...ids.slice(1)]),
});

describe("packTexts", () => {
  it("learns every token but the first exactly once", () => {
    const rows = packTexts([text(1, 2, 9), text(3, 4, 5, 9), text(6, 9)], 4);
    expect(rows.map(({ inputIds }) => [...inputIds])).toEqual([
      [1, 2, 9, 3],
      [3, 4, 5, 9],
      [9, 6, 9],
    ]);
    // The 3 and the 6 are learned from the end of the text before.
    expect(rows.map(({ labels }) => [...labels])).toEqual([
      [-100, 2, 9, 3],
      [-100, 4, 5, 9],
      [-100, 6, 9],
    ]);
  });

  it("makes no row of a single token", () => {
    expect(packTexts([text(1, 2, 3, 4)], 4).length).toBe(1);
    expect(packTexts([text(1, 2, 3, 4, 5)], 4).map(({ inputIds }) => [...inputIds])).toEqual([
      [1, 2, 3, 4],
      [4, 5],
    ]);
  });

  it("says which text each token is of, when asked", () => {
    const rows = packTexts([text(1, 2, 9), text(3, 4, 5, 9), text(6, 9)], 4, true);
    expect(rows.map(({ documentIds }) => [...(documentIds as Int32Array)])).toEqual([
      [0, 0, 0, 1],
      [1, 1, 1, 1],
      [1, 2, 2],
    ]);
  });
});
