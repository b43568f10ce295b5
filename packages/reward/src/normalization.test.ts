import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { normalizingBias } from "./normalization.js";

interface Case {
  readonly name: string;
  readonly inputs: { readonly demonstration_rewards: number[]; readonly rewards: number[] };
  readonly expected: {
    readonly bias: number;
    readonly normalized_demonstrations: number[];
    readonly normalized_rewards: number[];
  };
}
const { cases } = JSON.parse(
  readFileSync(new URL("../fixtures/losses/reward_normalization.json", import.meta.url), "utf8"),
) as { readonly cases: readonly Case[] };

describe("normalizingBias", () => {
  it.each(cases)("moves the demonstrations to mean 0, $name", ({ inputs, expected }) => {
    const bias = normalizingBias(inputs.demonstration_rewards);
    expect(bias).toBeCloseTo(expected.bias, 12);
    for (const [given, wanted] of [
      [inputs.demonstration_rewards, expected.normalized_demonstrations],
      [inputs.rewards, expected.normalized_rewards],
    ] as const) {
      for (const [index, reward] of given.entries()) expect(reward + bias).toBeCloseTo(wanted[index]!, 12);
    }
  });

  it("refuses to average over nothing", () => {
    expect(() => normalizingBias([])).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: normalizingBias: there are no demonstrations to average over]`,
    );
  });
});
