import { expect, it } from "vitest";
import { loadTokenizer } from "./directory.js";
import { createTextStream } from "./text-stream.js";

const fixture = (name: string) => loadTokenizer(new URL(`../fixtures/${name}`, import.meta.url).pathname);

it.each(["bpe_gpt2", "sp_bpe_legacy"])("%s: gives the whole text, in whole characters", async (name) => {
  const tokenizer = await fixture(name);
  const text = " naïve 👍🏽 日本語, a  b\n";
  const stream = createTextStream(tokenizer);
  const pieces = tokenizer.encode(text).map((id) => stream.push(id));
  expect([...pieces, stream.end()].join("")).toBe(text);
  expect(pieces.filter((piece) => piece.includes("\ufffd"))).toEqual([]);
});

it("shows at the end what never became whole, and no special tokens", async () => {
  const tokenizer = await fixture("bpe_gpt2");
  const ids = tokenizer.encode("a日");
  const stream = createTextStream(tokenizer);
  const pieces = [617, ...ids.slice(0, -1)].map((id) => stream.push(id));
  expect([...pieces, stream.end()].join("")).toBe("a\ufffd");
});
