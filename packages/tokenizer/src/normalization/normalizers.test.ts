import { expect, it } from "vitest";
import { originOf } from "./aligned-text.js";
import { createNormalizer } from "./normalizers.js";

/** Each character with the stretch of the original that it stands for, as the Rust library gives it. */
function aligned(json: object, text: string): string {
  const normalized = createNormalizer(json as Readonly<Record<string, unknown>>)({ text, origin: 0 });
  const plain = createNormalizer(json as Readonly<Record<string, unknown>>)({ text, origin: undefined });
  expect(plain.text).toBe(normalized.text);
  return [...normalized.text.matchAll(/./gsu)]
    .map(({ 0: character, index }) => {
      const { start, end } = originOf(normalized, index, index + character.length);
      return `${character}${start}-${end}`;
    })
    .join(" ");
}

it("composed and decomposed characters", () => {
  expect(aligned({ type: "NFC" }, "ae\u0301b")).toBe("a0-1 é1-2 b3-4"); // the accent goes
  expect(aligned({ type: "NFD" }, "é!")).toBe("e0-1 \u03010-1 !1-2");
  expect(aligned({ type: "NFKC" }, "ﬁ😀²")).toBe("f0-1 i0-1 😀1-3 23-4");
  // Canonical order: the dot below (220) goes before the circumflex (230).
  expect(aligned({ type: "NFD" }, "a\u0302\u0323")).toBe("a0-1 \u03231-2 \u03022-3");
  expect(aligned({ type: "NFC" }, "\u1100\u1161\u11a8x")).toBe("각0-1 x3-4");
});

it("what is put in front, replaced and removed", () => {
  expect(aligned({ type: "Prepend", prepend: "▁" }, "ab")).toBe("▁0-1 a0-1 b1-2");
  expect(aligned({ type: "Replace", pattern: { Regex: " {2,}" }, content: "▁" }, "a   b")).toBe(
    "a0-1 ▁3-4 b4-5",
  );
  expect(aligned({ type: "Nmt" }, "a\u0007\u200bb")).toBe("a0-1  2-3 b3-4");
  expect(aligned({ type: "Strip", strip_left: true, strip_right: true }, "\u0085ab ")).toBe("a1-2 b2-3");
});

it("BERT's steps in a row", () => {
  expect(aligned({ type: "BertNormalizer" }, "É\u0000好")).toBe("e0-1  2-3 好2-3  2-3");
});

it("refuses offsets behind a normalizer that it does not do itself", () => {
  const normalize = createNormalizer({ type: "Precompiled", precompiled_charsmap: "" });
  expect(normalize({ text: "ﬁ", origin: undefined }).text).toBe("fi");
  expect(() => normalize({ text: "ﬁ", origin: 0 })).toThrow(
    "offsets are not known behind the normalizer Precompiled; encode without them",
  );
});
