import { eachRecord, type Ranking } from "@alignkit/data";
import { describe, expect, it } from "vitest";
import { holdOutLabelers, labelerOf } from "./labelers.js";

const rankingOf = (row: Ranking["row"]): Ranking => ({
  kind: "ranking",
  prompt: "",
  responses: ["a", "b"],
  ranks: [1, 2],
  row,
  origin: { file: "rankings.jsonl", line: 7 },
});

describe("labelerOf", () => {
  it("reads the column that it is told of", () => {
    expect(labelerOf(rankingOf({ who: "Ann" }), "who")).toBe("Ann");
    expect(labelerOf(rankingOf({ who: 3 }), "who")).toBe("3");
    expect(labelerOf(rankingOf({ who: "Ann" }), null)).toBeUndefined();
  });

  it("names the line that does not say", () => {
    expect(() => labelerOf(rankingOf({}), "who")).toThrowErrorMatchingInlineSnapshot(
      `[DataError: rankings.jsonl:7: "who" is missing; give who ranked, or no labeler_column]`,
    );
  });
});

describe("holdOutLabelers", () => {
  const example = (group: string) => ({ rows: [], pairs: [], group });
  const data = { train: ["d", "a", "b", "c", "a"].map(example), evaluation: ["a", "b", "new"].map(example) };

  it("holds out each labeler once over all folds, and tells the evaluation's groups apart", () => {
    const [first, second] = [0, 1].map((fold) => holdOutLabelers(data, { folds: 2, fold }));
    expect(Array.from(eachRecord(first!.train), ({ group }) => group)).toEqual(["d", "b"]);
    expect(Array.from(eachRecord(second!.train), ({ group }) => group)).toEqual(["a", "c", "a"]);
    // a, b and new of the evaluation; then a, c, a of training.
    expect(Array.from(eachRecord(first!.evaluation), ({ group }) => group)).toEqual([
      "held_out_labelers",
      "training_labelers",
      "held_out_labelers",
      "held_out_labelers",
      "held_out_labelers",
      "held_out_labelers",
    ]);
  });

  it("refuses folds that are not there", () => {
    expect(() => holdOutLabelers(data, { folds: 5, fold: 0 })).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: labeler_folds is 5, but the training rankings have 4 labelers; give fewer folds]`,
    );
    expect(() => holdOutLabelers(data, { folds: 2, fold: 2 })).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: fold is 2; of 2 folds the last is 1]`,
    );
  });
});
