import { expect, it } from "vitest";
import { type BpeModel, createBpe } from "./bpe.js";

const vocabulary = (...tokens: string[]) => new Map(tokens.map((token, id) => [token, id]));
const encode = (word: string, model: BpeModel) => createBpe(model).encode(word);

it("merges the lowest rank first, the leftmost among equals", () => {
  const model = {
    vocabulary: vocabulary("a", "b", "aa", "ab"),
    merges: [
      ["a", "a"],
      ["a", "b"],
    ] as const,
  };
  // aaab: the first two a's merge before the pair ab may; then ab.
  expect(encode("aaab", model)).toEqual([2, 3]);
  expect(encode("aaa", model)).toEqual([2, 0]);
});

it("gives a long run in time that grows like its length", () => {
  const model = {
    vocabulary: vocabulary("a", "aa", "aaaa"),
    merges: [
      ["a", "a"],
      ["aa", "aa"],
    ] as const,
  };
  expect(encode("a".repeat(100_003), model)).toEqual([...new Array<number>(25_000).fill(2), 1, 0]);
});

it("takes whole words that no merge reaches only with ignoreMerges", () => {
  const model = { vocabulary: vocabulary("a", "b", "ab"), merges: [] };
  expect(encode("ab", model)).toEqual([0, 1]);
  expect(encode("ab", { ...model, ignoreMerges: true })).toEqual([2]);
});

it("turns unknown characters into bytes, or unknown tokens, or nothing", () => {
  const bytes = vocabulary("<unk>", "a", "<0xC3>", "<0xA9>");
  expect(encode("aé", { vocabulary: bytes, merges: [], unknownToken: "<unk>", byteFallback: true })).toEqual([
    1, 2, 3,
  ]);
  expect(encode("aéé", { vocabulary: bytes, merges: [], unknownToken: "<unk>" })).toEqual([1, 0, 0]);
  expect(encode("aééa", { vocabulary: bytes, merges: [], unknownToken: "<unk>", fuseUnknown: true })).toEqual(
    [1, 0, 1],
  );
  expect(encode("aé", { vocabulary: bytes, merges: [] })).toEqual([1]);
});

it("refuses a merge whose tokens are missing", () => {
  expect(() => encode("a", { vocabulary: vocabulary("a"), merges: [["a", "b"]] })).toThrow(
    'merge 0 ("a" "b") needs the token "b"',
  );
});

it("says where each token stands, and knows prefixes and suffixes", () => {
  const model = createBpe({
    vocabulary: vocabulary("<unk>", "a", "##b", "ab", "c</w>", "##c</w>"),
    merges: [["a", "##b"]],
    continuingPrefix: "##",
    endSuffix: "</w>",
    unknownToken: "<unk>",
  });
  // "ab" merges, "😀" is unknown and two units long, "c" ends the word.
  expect(model.locate("ab😀c")).toEqual([
    { id: 3, start: 0, end: 2 },
    { id: 0, start: 2, end: 4 },
    { id: 5, start: 4, end: 5 },
  ]);
});
