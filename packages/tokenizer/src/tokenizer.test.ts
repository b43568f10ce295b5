import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { loadTokenizer } from "./directory.js";
import type { Encoding } from "./encoding.js";
import { createTokenizer } from "./tokenizer.js";

const fixtures = new URL("../fixtures/", import.meta.url).pathname;

interface Cases {
  readonly about: { readonly vocab_size: number };
  readonly encode: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly ids_without_special_tokens: readonly number[];
    readonly decoded: string;
    readonly decoded_skip_special: string;
    readonly offsets: readonly (readonly [number, number])[];
    readonly special_tokens_mask: readonly number[];
  }[];
  readonly pairs: readonly {
    readonly a: string;
    readonly b: string;
    readonly ids: readonly number[];
    readonly offsets: readonly (readonly [number, number])[];
    readonly type_ids: readonly number[];
    readonly sequence_ids: readonly number[];
  }[];
  readonly decode: readonly {
    readonly ids: number[];
    readonly decoded: string;
    readonly decoded_skip_special: string;
  }[];
}

/** The cases count code points, the tokenizer UTF-16 units. */
function inCodePoints({ offsets, sequenceIds }: Encoding, texts: readonly string[]) {
  const count = (text: string, end: number) => [...text.slice(0, end)].length;
  return offsets.map((offset, index) => {
    const text = texts[sequenceIds[index] ?? 0] ?? "";
    return offset.map((end) => count(text, end));
  });
}

describe.each([
  "bpe_gpt2",
  "bpe_llama3",
  "bpe_qwen",
  "sp_bpe_legacy",
  "sp_bpe_metaspace",
  "unigram",
  "wordpiece",
])("%s, against the Rust library", async (kind) => {
  const cases: Cases = JSON.parse(await readFile(`${fixtures}${kind}/cases.json`, "utf8"));
  const tokenizer = await loadTokenizer(`${fixtures}${kind}`);

  it("has all cases", () => {
    expect([cases.encode.length, cases.decode.length]).toEqual([362, 40]);
    expect(tokenizer.vocabularySize).toBe(cases.about.vocab_size);
  });

  it("gives the same ids", () => {
    const encode = (text: string) => [
      tokenizer.encode(text),
      tokenizer.encode(text, { addSpecialTokens: false }),
    ];
    const wrong = cases.encode.filter(
      ({ text, ids, ids_without_special_tokens: plain }) => String(encode(text)) !== String([ids, plain]),
    );
    expect(wrong.map(({ text, ids }) => ({ text, ids, ours: tokenizer.encode(text) }))).toEqual([]);
  });

  it("gives the same offsets", () => {
    for (const { text, ids, offsets, special_tokens_mask: mask } of cases.encode) {
      const encoding = tokenizer.encodeWithOffsets(text);
      expect(encoding.ids).toEqual(ids);
      expect(inCodePoints(encoding, [text])).toEqual(offsets);
      expect(encoding.sequenceIds.map((sequence) => (sequence < 0 ? 1 : 0))).toEqual(mask);
    }
  });

  it("gives the same pairs", () => {
    expect(cases.pairs.length).toBe(8);
    for (const { a, b, ids, offsets, type_ids: typeIds, sequence_ids: sequenceIds } of cases.pairs) {
      const encoding = tokenizer.encodeWithOffsets(a, { pair: b });
      expect(encoding).toMatchObject({ ids, typeIds, sequenceIds });
      expect(inCodePoints(encoding, [a, b])).toEqual(offsets);
    }
  });

  it("gives the same texts", () => {
    for (const { ids, decoded, decoded_skip_special: skipped } of [...cases.encode, ...cases.decode]) {
      expect(tokenizer.decode(ids)).toBe(decoded);
      expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe(skipped);
    }
  });
});

describe("special tokens", () => {
  it("come from tokenizer_config.json", async () => {
    const tokenizer = await loadTokenizer(`${fixtures}bpe_llama3`);
    expect(tokenizer).toMatchObject({
      bosTokenId: 654,
      eosTokenId: 658,
      padTokenId: 659,
      unkTokenId: undefined,
    });
    expect(tokenizer.idToToken(658)).toBe("<|eot_id|>");
    expect(tokenizer.tokenToId("<|eot_id|>")).toBe(658);
    expect(tokenizer.specialTokenIds.has(660)).toBe(false); // "keepword" is added but not special
    expect(tokenizer.chat?.template.source).toContain("<|start_header_id|>");
  });

  it("may be objects, and may stand in special_tokens_map.json alone", async () => {
    const { files } = await loadTokenizer(`${fixtures}sp_bpe_legacy`);
    const json = (value: object) => new TextEncoder().encode(JSON.stringify(value));
    const tokenizer = createTokenizer(
      new Map([
        ...files,
        ["tokenizer_config.json", json({ bos_token: { content: "<s>", lstrip: false } })],
        ["special_tokens_map.json", json({ eos_token: "</s>" })],
      ]),
    );
    expect(tokenizer).toMatchObject({ bosTokenId: 1, eosTokenId: 2, padTokenId: undefined, unkTokenId: 0 });
  });

  it("ids without a token are left out of the text", async () => {
    const tokenizer = await loadTokenizer(`${fixtures}bpe_gpt2`);
    expect(tokenizer.decode([...tokenizer.encode("one"), 9999])).toBe("one");
  });
});
