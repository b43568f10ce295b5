import { expect, it } from "vitest";
import { ab, codes, createCharacterTokenizer } from "../test/character-tokenizer.js";
import { encodePair } from "./text-tokenizer.js";

const [space, a, b] = codes(" ab") as [number, number, number];

it("gives the prompt the ids that it has alone, though a token could cross the boundary", () => {
  const tokenizer = createCharacterTokenizer();
  expect(encodePair(tokenizer, "ab", "b")).toEqual({ prompt: [ab], completion: [b] });
  expect(encodePair(tokenizer, "a", "b")).toEqual({ prompt: [a], completion: [b] });
  expect(encodePair(tokenizer, "a", "")).toEqual({ prompt: [a], completion: [] });
  expect(encodePair(tokenizer, "", "b")).toEqual({ prompt: [], completion: [b] });
});

it("adds no space between the two where the tokenizer puts one before every text", () => {
  const tokenizer = createCharacterTokenizer({ addSpace: true });
  expect(encodePair(tokenizer, "b", "b")).toEqual({ prompt: [space, b], completion: [b] });
  expect(encodePair(tokenizer, "b", " b")).toEqual({ prompt: [space, b], completion: [space, b] });
  // " a" + "b" would decode as "a b": the token across the boundary is the completion's.
  expect(encodePair(tokenizer, "a", "b")).toEqual({ prompt: [space], completion: [ab] });
});
