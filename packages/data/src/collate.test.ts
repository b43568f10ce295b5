import { describe, expect, it } from "vitest";
import { bucketLength } from "./bucket.js";
import { collate, padLeft, padRight } from "./collate.js";

const rows = [Int32Array.of(4, 5, 6), Int32Array.of(7)];
const plain = (values: ArrayLike<number>) => Array.from(values);

describe("padding", () => {
  it("stands on the right, positions from 0", () => {
    const padded = padRight(rows, { padTokenId: 9, length: 4 });
    expect(padded).toMatchObject({ rows: 2, length: 4 });
    expect(plain(padded.inputIds)).toEqual([4, 5, 6, 9, 7, 9, 9, 9]);
    expect(plain(padded.positionIds)).toEqual([0, 1, 2, 0, 0, 0, 0, 0]);
    expect(plain(padded.attentionMask)).toEqual([1, 1, 1, 0, 1, 0, 0, 0]);
    expect(plain(padded.lengths)).toEqual([3, 1]);
  });

  it("stands on the left, positions from 0 at the first real token", () => {
    const padded = padLeft(rows, { padTokenId: 9, length: 4 });
    expect(plain(padded.inputIds)).toEqual([9, 4, 5, 6, 9, 9, 9, 7]);
    expect(plain(padded.positionIds)).toEqual([0, 0, 1, 2, 0, 0, 0, 0]);
    expect(plain(padded.attentionMask)).toEqual([0, 1, 1, 1, 0, 0, 0, 1]);
  });

  it("is known by lengths, not by ids", () => {
    expect(plain(padRight(rows, { padTokenId: 6 }).attentionMask)).toEqual([1, 1, 1, 1, 0, 0]);
  });

  it("is as long as the longest row, rounded up where asked", () => {
    expect(padRight(rows, { padTokenId: 0 }).length).toBe(3);
    expect(padRight(rows, { padTokenId: 0, buckets: 8 }).length).toBe(8);
    expect(padRight(rows, { padTokenId: 0, buckets: [2, 16, 5] }).length).toBe(5);
    expect(() => padRight(rows, { padTokenId: 0, length: 2 })).toThrow(
      "pad: a row of 3 tokens does not fit into 2",
    );
  });
});

describe("bucketLength", () => {
  it("is the smallest that fits", () => {
    expect([1, 7, 8, 9].map((length) => bucketLength(length, 8))).toEqual([8, 8, 8, 16]);
    expect([1, 4, 5].map((length) => bucketLength(length, [6, 4]))).toEqual([4, 4, 6]);
    expect(() => bucketLength(7, [6, 4])).toThrow("bucketLength: 7 is longer than every bucket of [6, 4]");
  });
});

describe("collate", () => {
  const examples = [
    { inputIds: Int32Array.of(4, 5, 6), labels: Int32Array.of(-100, 5, 6) },
    { inputIds: Int32Array.of(7, 8), labels: Int32Array.of(-100, 8) },
    { inputIds: Int32Array.of(1, 2, 3, 4), labels: Int32Array.of(-100, -100, 3, -100) },
  ];

  it("lists the positions before each learned token", () => {
    const batch = collate(examples, { padTokenId: 0 }); // T = 4
    expect(plain(batch.labels)).toEqual([-100, 5, 6, -100, -100, 8, -100, -100, -100, -100, 3, -100]);
    // Row 0 learns 5 after position 0 and 6 after 1; row 1 learns 8 after 4; row 2 learns 3 after 8 + 1.
    expect(plain(batch.targetRows)).toEqual([0, 1, 4, 9]);
    expect(plain(batch.targetIds)).toEqual([5, 6, 8, 3]);
    expect(plain(batch.targetWeights)).toEqual([1, 1, 1, 1]);
    expect(batch.labelTokens).toBe(4);
  });

  it("agrees with the labels, whatever the padding", () => {
    for (const length of [4, 5, 11]) {
      const batch = collate(examples, { padTokenId: 3, length, targetBuckets: 6 });
      expect(plain(batch.targetWeights)).toEqual([1, 1, 1, 1, 0, 0]);
      expect(plain(batch.targetRows).slice(0, 4)).toEqual([0, 1, length, 2 * length + 1]);
      expect(
        plain(batch.targetRows)
          .slice(0, 4)
          .map((row) => batch.labels[row + 1]),
      ).toEqual([5, 6, 8, 3]);
      expect(plain(batch.targetIds)).toEqual([5, 6, 8, 3, 0, 0]);
      expect(batch.labels.filter((label) => label !== -100)).toHaveLength(batch.labelTokens);
    }
  });

  it("never takes a row's first token as the target of the row before it", () => {
    const batch = collate([{ inputIds: Int32Array.of(4, 5), labels: Int32Array.of(4, 5) }, examples[1]!], {
      padTokenId: 0,
    });
    expect(plain(batch.targetRows)).toEqual([0, 2]);
  });
});
