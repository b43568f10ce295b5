import { createRandom } from "@alignkit/core";
import { expect, it } from "vitest";
import { openingsOf, splitHeldOut, splitStories, withPlainMarks } from "./stories.js";

it("cuts stories at paragraphs that begin with Once, and joins paragraphs with one line end", () => {
  const text = "Once there was a cat. It ran.\n\nOnce more it ran. The end.\n\nThen it slept. Well.\n";
  expect(splitStories(text)).toEqual([
    "Once there was a cat. It ran.",
    "Once more it ran. The end.\nThen it slept. Well.",
  ]);
});

it("spells marks as the model knows them, whether curly or read in the wrong encoding", () => {
  // UTF-8 of the same, read as Windows-1252; 0x9d, the last byte of the closing mark, has no character there.
  const wrong =
    "\u00e2\u20ac\u0153It\u00e2\u20ac\u2122s late\u00e2\u20ac \u00e2\u20ac\u201d he said\u00e2\u20ac\u00a6";
  const curly = "\u201cIt\u2019s late\u201d \u2014 he said\u2026";
  expect(withPlainMarks(curly)).toBe('"It\'s late" - he said...');
  expect(withPlainMarks(wrong)).toBe('"It\'s late" - he said...');
});

it("opens a story with its first sentence, and with its first two, when more follows", () => {
  expect(openingsOf('A cat ran. "Stop!" it said. It slept.')).toEqual(["A cat ran.", 'A cat ran. "Stop!"']);
  expect(openingsOf("A cat ran.")).toEqual([]);
});

it("holds out a quarter, rounded up, and loses no story", () => {
  const stories = ["a", "b", "c", "d", "e"];
  const { train, heldOut } = splitHeldOut(stories, createRandom(1));
  expect(heldOut).toHaveLength(2);
  expect([...train, ...heldOut].sort()).toEqual(stories);
});
