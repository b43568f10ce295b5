import { createRandom } from "@alignkit/core";
import { expect, it } from "vitest";
import { asProse, makeRankings, splitPolarity } from "./polarity.js";

const sentences = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ text: `sentence ${index}`, positive: index % 2 === 0 }));

it("writes a sentence as prose", () => {
  expect(asProse("a fun film , too -- if i may ( it's ) .  ")).toBe("A fun film, too -- if I may (it's).");
});

it("splits into two halves with a fifth of each held out, classes even, nothing twice", () => {
  const { rewardTrain, rewardHeldOut, judgeTrain, judgeHeldOut } = splitPolarity(
    sentences(40),
    createRandom(1),
  );
  const parts = [rewardTrain, rewardHeldOut, judgeTrain, judgeHeldOut];
  // 20 of each class: 10 in each half, of which every fifth is held out.
  expect(parts.map((part) => part.length)).toEqual([16, 4, 16, 4]);
  for (const part of parts) expect(part.filter(({ positive }) => positive)).toHaveLength(part.length / 2);
  expect(new Set(parts.flat().map(({ text }) => text)).size).toBe(40);
});

it("ranks 4 to 9 sentences, positive ones above negative ones, ties within a class", () => {
  const texts = sentences(400);
  const positive = new Map(texts.map((text) => [text.text, text.positive]));
  const rankings = makeRankings(texts, createRandom(2));
  const sizes = new Set(rankings.map(({ responses }) => responses.length));
  expect([...sizes].sort()).toEqual([4, 5, 6, 7, 8, 9]);
  for (const { responses, ranks } of rankings) {
    expect(new Set(ranks)).toEqual(new Set([1, 2]));
    expect(ranks).toEqual(responses.map((response) => (positive.get(response) ? 1 : 2)));
  }
  const used = rankings.flatMap(({ responses }) => responses);
  expect(new Set(used).size).toBe(used.length);
  expect(used.length).toBeGreaterThan(380);
});
