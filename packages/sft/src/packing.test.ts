import { readFileSync } from "node:fs";
import { compileFunction, gradients, int32, referenceBackend, type Tensor } from "@alignkit/core";
import { documentMask } from "@alignkit/models";
import { describe, expect, it } from "vitest";
import { type Example, toBatches } from "./batches.js";
import { completionLoss, labelledLogProbs } from "./losses.js";
import { joinExamples, packRows } from "./packing.js";

/** Float64 values of PyTorch: rows of several documents, with the loss of given logits. */
interface Case {
  readonly name: string;
  readonly inputs: {
    readonly seq_lengths: number[][];
    readonly width: number;
    readonly completion_mask: number[][];
    readonly input_ids: number[][];
    readonly logits: number[][][];
  };
  readonly expected: {
    readonly position_ids: number[][];
    readonly document_ids: number[][];
    readonly allowed: number[][][];
    readonly labels: number[][];
    readonly loss: number;
    readonly label_tokens: number;
  };
  readonly grads: { readonly loss: { readonly logits: number[][][] } };
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

describe.each(cases)("rows of several examples, $name", ({ inputs, expected, grads }) => {
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

  it("let a token see what PyTorch lets it see", async () => {
    const run = compileFunction(referenceBackend(), ({ ids }: { ids: Tensor }) => ({
      mask: documentMask(ids),
    }));
    const { mask } = await run({ ids: int32(batch!.documentIds!, [B, width]) });
    const { data } = await mask.read();
    expected.allowed.flat().forEach((keys, query) => {
      // Padding sees nothing there; here it sees padding, which no real token does.
      if (batch!.documentIds![query] === -1) return;
      expect(
        [...data.subarray(query * width, (query + 1) * width)].map((value) => Number(value === 0)),
      ).toEqual(keys);
    });
  });

  it("have the loss and the gradient of PyTorch", async () => {
    const V = inputs.logits[0]![0]!.length;
    const run = compileFunction(
      referenceBackend({ precision: "float64" }),
      (given: { logits: Tensor; labels: Tensor }) => {
        const loss = completionLoss({ ...labelledLogProbs(given), labelTokens: batch!.labelTokens });
        return { loss, gradient: gradients(loss, [given.logits])[0] as Tensor };
      },
    );
    const { loss, gradient } = await run({
      logits: {
        type: { dtype: "float32", shape: [B, width, V] },
        data: Float64Array.from(inputs.logits.flat(2)),
      },
      labels: int32(batch!.labels, [B, width]),
    });
    expect(Math.abs((await loss.read()).data[0]! - expected.loss)).toBeLessThan(1e-9);
    const { data } = await gradient.read();
    grads.loss.logits.flat(2).forEach((value, index) => {
      expect(Math.abs(data[index]! - value)).toBeLessThan(1e-8);
    });
  });
});

describe("packRows", () => {
  const example = (length: number): Example => ({
    inputIds: new Int32Array(length).fill(length),
    labels: new Int32Array(length).fill(length),
  });

  it("fills rows with the longest first, and holds every token once", () => {
    // 7 alone, 5 with 2 and 4 with 3 are full rows of 7; the last 2 is left.
    const rows = packRows([2, 5, 3, 7, 2, 4].map(example), 7);
    expect(rows.map(({ inputIds }) => [...inputIds].join(""))).toEqual([
      "7777777",
      "5555522",
      "4444333",
      "22",
    ]);
    expect(rows.map(({ documentIds }) => [...documentIds!].join(""))).toEqual([
      "0000000",
      "0000011",
      "0000111",
      "00",
    ]);
  });

  it("makes batches no longer than their longest example", () => {
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
