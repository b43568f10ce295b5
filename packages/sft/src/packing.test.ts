import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Example, toBatches } from "./batches.js";
import { joinExamples, packRows } from "./packing.js";

/** Rows of several documents as PyTorch lays them out; their mask and loss are in test/losses.test.ts. */
interface Case {
  readonly name: string;
  readonly inputs: {
    readonly seq_lengths: number[][];
    readonly width: number;
    readonly completion_mask: number[][];
    readonly input_ids: number[][];
  };
  readonly expected: {
    readonly position_ids: number[][];
    readonly document_ids: number[][];
    readonly labels: number[][];
    readonly label_tokens: number;
  };
}
const { cases } = JSON.parse(
  readFileSync(new URL("../fixtures/losses/sft_packing.json", import.meta.url), "utf8"),
) as { readonly cases: readonly Case[] };

/** The documents of each row as examples: ids, and as labels those of the completion. */
function documentsOf({ seq_lengths, completion_mask, input_ids }: Case["inputs"]): Example[][] {
  return seq_lengths.map((lengths, row) => {
    let start = 0;
    return lengths.map((length) => {
      const ids = input_ids[row]!.slice(start, start + length);
      const labels = ids.map((id, index) => (completion_mask[row]![start + index] === 1 ? id : -100));
      start += length;
      return { inputIds: Int32Array.from(ids), labels: Int32Array.from(labels) };
    });
  });
}

describe.each(cases)("rows of several examples, $name", ({ inputs, expected }) => {
  const { width } = inputs;
  const rows = documentsOf(inputs).map(joinExamples);
  const B = rows.length;
  const [batch] = toBatches(rows, {
    padTokenId: 0,
    rows: B,
    packing: false,
    multipleOf: width,
    fewSizes: false,
  });

  it("have the labels, documents and positions of PyTorch", () => {
    expect(batch!.length).toBe(width);
    expect([...batch!.labels]).toEqual(expected.labels.flat());
    expect([...batch!.documentIds!]).toEqual(expected.document_ids.flat());
    expect([...batch!.positionIds]).toEqual(expected.position_ids.flat());
    expect(batch!.labelTokens).toBe(expected.label_tokens);
  });
});

describe("packRows", () => {
  const example = (length: number): Example => ({
    inputIds: new Int32Array(length).fill(length),
    labels: new Int32Array(length).fill(length),
  });

  it("fills rows with the longest first, and holds every token once", () => {
    // Four rows of 6 have 4 * 36 = 144 scores, three of 7 would have 147.
    const { rows, length } = packRows([2, 5, 6, 2, 4].map(example), 1);
    expect(length).toBe(6);
    expect(rows.map(({ inputIds }) => [...inputIds].join(""))).toEqual(["666666", "55555", "444422", "22"]);
  });

  it("makes rows longer than their longest example where that is less work", () => {
    // Of 7 there would be four with 4 * 49 = 196 scores, the last with a single 2; of 8 there are three with 192.
    const { rows, length } = packRows([2, 5, 3, 7, 2, 4].map(example), 1);
    expect(length).toBe(8);
    expect(rows.map(({ inputIds }) => [...inputIds].join(""))).toEqual(["7777777", "55555333", "44442222"]);
    expect(rows.map(({ documentIds }) => [...documentIds!].join(""))).toEqual([
      "0000000",
      "00000111",
      "00001122",
    ]);
    // In steps of 5 the first length is 10.
    expect(packRows([2, 5, 3, 7, 2, 4].map(example), 5).length).toBe(10);
  });

  it("makes batches of them", () => {
    const lengths = [3, 9, 4, 2, 5, 5, 6, 1];
    const settings = { padTokenId: 0, rows: 4, packing: true, multipleOf: null, fewSizes: false };
    const batches = toBatches(lengths.map(example), settings);
    // 9 and 4 3 2 in rows of 9; then 6, 5 1 and 5 in rows of 6.
    expect(batches.map(({ rows, length }) => [rows, length])).toEqual([
      [2, 9],
      [3, 6],
    ]);
  });
});
