import { describe, expect, it } from "vitest";
import { listDifferences } from "./json-difference.js";

describe("listDifferences", () => {
  it("names each leaf that differs, with both values", () => {
    const before = { seed: 1, stages: [{ use: "sft", config: { rate: 0.1, names: [] } }] };
    const after = { seed: 1, stages: [{ use: "sft", config: { rate: 0.2, names: ["a"] } }, { use: "ppo" }] };
    expect(listDifferences(before, after)).toEqual([
      "stages.0.config.rate: 0.1 -> 0.2",
      "stages.0.config.names: [] -> absent",
      'stages.0.config.names.0: absent -> "a"',
      'stages.1.use: absent -> "ppo"',
    ]);
  });

  it("sees none where JSON sees none", () => {
    expect(listDifferences({ a: { b: [1, null] } }, { a: { b: [1, null], c: undefined } })).toEqual([]);
    expect(listDifferences(1, 1)).toEqual([]);
    expect(listDifferences(1, 2)).toEqual(["(root): 1 -> 2"]);
  });
});
