import { createRandom } from "@alignkit/core";
import { expect, it } from "vitest";
import { accuracyOf, fitJudge, wordsOf } from "./judge.js";

const texts = [
  { text: "A good film.", positive: true },
  { text: "Good and warm!", positive: true },
  { text: "Not a bad film.", positive: true },
  { text: "A bad film.", positive: false },
  { text: "Bad and cold!", positive: false },
  { text: "Not a good film.", positive: false },
];

it("reads lower-case words, apostrophes inside them, and the marks of feeling", () => {
  expect(wordsOf("Don't stop -- it's 'fine'!")).toEqual(["don't", "stop", "it's", "fine", "!"]);
});

it("learns pairs of words where single ones say nothing", () => {
  const pairs = ["not bad", "bad", "not good", "good"].flatMap((text) => [
    { text, positive: text === "not bad" || text === "good" },
    { text, positive: text === "not bad" || text === "good" },
  ]);
  expect(accuracyOf(fitJudge(pairs, createRandom(1), { epochs: 50 }), pairs)).toBe(1);
});

it("gives the sign of the score and half a probability at 0", () => {
  const judge = fitJudge(texts, createRandom(1));
  expect(judge.score("good")).toBeGreaterThan(0);
  expect(judge.score("bad")).toBeLessThan(0);
  const score = judge.score("good");
  expect(judge.probability("good")).toBeCloseTo(1 / (1 + Math.exp(-score)), 12);
});

it("leaves out words of a single text, and says how much it knows", () => {
  const judge = fitJudge(texts, createRandom(1));
  // "warm" and "cold" stand in one text each.
  expect(judge.score("warm")).toBe(judge.score("cold"));
  expect(judge.coverage("good warm")).toBe(0.5);
});

it("is the same for the same seed", () => {
  const score = () => fitJudge(texts, createRandom(4)).score("a good film");
  expect(score()).toBe(score());
});
