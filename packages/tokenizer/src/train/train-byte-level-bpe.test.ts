import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { Tokenizer } from "../tokenizer.js";
import { trainByteLevelBpe } from "./train-byte-level-bpe.js";

interface Expected {
  readonly texts: readonly string[];
  readonly runs: readonly {
    readonly vocabulary_size: number;
    readonly minimum_frequency: number;
    readonly tokens: readonly string[];
    readonly merges: readonly (readonly [string, string])[];
    readonly ids: readonly (readonly number[])[];
  }[];
}
const expected: Expected = JSON.parse(
  await readFile(new URL("../../fixtures/trainer/expected.json", import.meta.url), "utf8"),
);
const jsonOf = (tokenizer: Tokenizer, name: string) =>
  JSON.parse(new TextDecoder().decode(tokenizer.files.get(name)));

describe.each(expected.runs)(
  "vocabulary of $vocabulary_size, frequency $minimum_frequency, against the Rust library's trainer",
  ({ vocabulary_size: vocabularySize, minimum_frequency: minimumFrequency, tokens, merges, ids }) => {
    const tokenizer = trainByteLevelBpe({ texts: expected.texts, vocabularySize, minimumFrequency });

    it("learns the same tokens and merges in the same order", () => {
      const { vocab, merges: ours } = jsonOf(tokenizer, "tokenizer.json").model;
      expect(ours).toEqual(merges);
      expect(Object.keys(vocab).sort((a, b) => vocab[a] - vocab[b])).toEqual(tokens);
    });

    it("encodes alike", () => {
      expect(expected.texts.map((text) => tokenizer.encode(text, { addSpecialTokens: false }))).toEqual(ids);
    });
  },
);

describe("a trained tokenizer", () => {
  const tokenizer = trainByteLevelBpe({ texts: expected.texts, vocabularySize: 330 });

  it("gives any text back", () => {
    const texts = [
      "",
      " ",
      "\r\n\t ",
      "unseen Ωμέγα שלום",
      "\u0000\u0001\u007f\u0085\ufeff",
      "👩‍👩‍👧‍👦 e\u0301",
      "<|pad|>",
      " the",
    ];
    for (const text of texts)
      expect(tokenizer.decode(tokenizer.encode(text, { addSpecialTokens: false }))).toBe(text);
  });

  it("has three different special tokens and puts BOS in front", () => {
    expect(tokenizer).toMatchObject({ bosTokenId: 0, eosTokenId: 1, padTokenId: 2, vocabularySize: 330 });
    expect(tokenizer.encode("").concat(tokenizer.encode("the"))).toEqual([0, 0, tokenizer.tokenToId("the")]);
    const plain = trainByteLevelBpe({ texts: [], vocabularySize: 259, addBos: false });
    expect(plain.encode("A")).toEqual([3 + 32]); // bytes start with "!" (0x21); "A" is 0x41, 32 further
  });

  it("is the same bytes each time", () => {
    const again = trainByteLevelBpe({ texts: expected.texts, vocabularySize: 330 });
    expect(again.files).toEqual(tokenizer.files);
  });

  it("stops when no pair is left", () => {
    expect(trainByteLevelBpe({ texts: ["ab"], vocabularySize: 1000 }).vocabularySize).toBe(3 + 256 + 1);
  });
});

it("refuses padding that is the end token", () => {
  const specialTokens = { eos: "<|end|>", pad: "<|end|>" };
  expect(() => trainByteLevelBpe({ texts: [], vocabularySize: 300, specialTokens })).toThrow(
    "special tokens [<|bos|>, <|end|>, <|end|>] must be different and not empty",
  );
});

it("refuses a vocabulary that cannot hold the bytes", () => {
  expect(() => trainByteLevelBpe({ texts: [], vocabularySize: 258 })).toThrow(
    "vocabularySize is 258; 3 special tokens and 256 bytes need 259",
  );
});
