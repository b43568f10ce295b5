import { describe, expect, it } from "vitest";
import { bos, codes, createCharacterTokenizer, eos } from "../test/character-tokenizer.js";
import type { Ranking } from "./records.js";
import { rankedPairs, tokenizeRankings } from "./tokenize-rankings.js";

const base = { origin: { file: "r.jsonl", line: 5 }, row: {} };
const ranking = (responses: string[], ranks: number[]): Ranking => ({
  kind: "ranking",
  prompt: "p",
  responses,
  ranks,
  ...base,
});
const tokenizer = createCharacterTokenizer();

describe("rankedPairs", () => {
  it("makes K(K-1)/2 pairs without ties", () => {
    const counts = [2, 3, 4, 5, 6, 7, 8, 9].map(
      (k) => rankedPairs(Array.from({ length: k }, (_, i) => i)).length,
    );
    expect(counts).toEqual([1, 3, 6, 10, 15, 21, 28, 36]);
  });

  it("puts the smaller rank first and leaves ties out", () => {
    // Ranks 2 1 2 3: 1 beats all; each 2 beats the 3; the two 2s are tied.
    expect(rankedPairs([2, 1, 2, 3])).toEqual([
      { better: 1, worse: 0 },
      { better: 0, worse: 3 },
      { better: 1, worse: 2 },
      { better: 1, worse: 3 },
      { better: 2, worse: 3 },
    ]);
    expect(rankedPairs([4, 4, 4])).toEqual([]);
  });
});

describe("tokenizeRankings", () => {
  it("makes a row for each response, ended by the end token", () => {
    const { rankings } = tokenizeRankings([ranking(["x", ""], [2, 1])], tokenizer, { maximumLength: 4 });
    expect(rankings[0]?.rows.map((row) => Array.from(row))).toEqual([
      [bos, ...codes("px"), eos],
      [bos, ...codes("p"), eos],
    ]);
    expect(rankings[0]?.pairs).toEqual([{ better: 1, worse: 0 }]);
  });

  it("makes rows of messages, the prompt's and each reply's", () => {
    const record: Ranking = {
      kind: "conversation-ranking",
      messages: [{ role: "user", content: "p" }],
      responses: [[{ role: "assistant", content: "x" }], [{ role: "assistant", content: "y" }]],
      ranks: [1, 2],
      ...base,
    };
    const { rankings } = tokenizeRankings([record], tokenizer, { maximumLength: 40 });
    expect(rankings[0]?.rows.map((row) => Array.from(row))).toEqual([
      [bos, ...codes("User: p\n\nAssistant: x"), eos],
      [bos, ...codes("User: p\n\nAssistant: y"), eos],
    ]);
  });

  it("takes ids as they are", () => {
    const inputIds = [Int32Array.of(5, 6), Int32Array.of(7)];
    const record: Ranking = { kind: "pretokenized-ranking", inputIds, ranks: [1, 2], ...base };
    expect(tokenizeRankings([record], undefined, { maximumLength: 4 }).rankings[0]?.rows).toEqual(inputIds);
  });

  it("cuts rows or drops the ranking where one row is too long", () => {
    const records = [ranking(["x", "xyz"], [1, 2])]; // 4 and 6 tokens
    expect(() => tokenizeRankings(records, tokenizer, { maximumLength: 5 })).toThrow(
      "r.jsonl:5: 6 tokens do not fit into 5",
    );
    expect(tokenizeRankings(records, tokenizer, { maximumLength: 5, tooLong: "drop" })).toMatchObject({
      rankings: [],
      dropped: 1,
    });
    const cut = tokenizeRankings(records, tokenizer, { maximumLength: 5, tooLong: "truncate" });
    expect([cut.truncated, ...(cut.rankings[0]?.rows ?? []).map((row) => row.length)]).toEqual([1, 4, 5]);
  });

  it("refuses a ranking of ties only", () => {
    expect(() => tokenizeRankings([ranking(["x", "y"], [1, 1])], tokenizer, { maximumLength: 9 })).toThrow(
      "r.jsonl:5: all ranks are equal; a ranking needs two different ranks",
    );
  });
});
