import { expect, it } from "vitest";
import { type AddedToken, createAddedTokenSplitter } from "./added-tokens.js";

const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
const token = (id: number, content: string, more: Partial<AddedToken> = {}): [string, AddedToken] => [
  content,
  { id, content, ...flags, ...more },
];
/** Sections as `text` or `[id, text]`. */
const split = (text: string, ...tokens: [string, AddedToken][]) =>
  createAddedTokenSplitter(new Map(tokens))(text).map((part) =>
    part.token ? [part.token.id, part.text] : part.text,
  );

it("takes the leftmost and longest match", () => {
  expect(split("x<a><a>b", token(1, "<a>"), token(2, "<a><a>"))).toEqual(["x", [2, "<a><a>"], "b"]);
});

it("takes whole words only where asked", () => {
  const word = token(1, "cat", { single_word: true });
  expect(split("cat cats scat (cat)", word)).toEqual([[1, "cat"], " cats scat (", [1, "cat"], ")"]);
});

it("strips white space on the sides that are asked for, at most once", () => {
  expect(split("a  <m>  <m> b", token(1, "<m>", { lstrip: true }))).toEqual([
    "a",
    [1, "  <m>"],
    [1, "  <m>"],
    " b",
  ]);
  expect(split("a <m>  b", token(1, "<m>", { rstrip: true }))).toEqual(["a ", [1, "<m>  "], "b"]);
});

it("gives no sections for an empty text", () => {
  expect(split("")).toEqual([]);
  expect(split("", token(1, "<a>"))).toEqual([]);
});

it("takes characters of patterns literally", () => {
  expect(split("a.b[c]", token(1, "."), token(2, "[c]"))).toEqual(["a", [1, "."], "b", [2, "[c]"]]);
});
