import { expect, it } from "vitest";
import { createPattern } from "./pattern.js";

const found = (Regex: string, text: string) => text.match(createPattern({ Regex })) ?? [];

it("takes Unicode's white space and digits, as Oniguruma does", () => {
  expect(found("\\s", "a\u0085\ufeff\u3000")).toEqual(["\u0085", "\u3000"]);
  expect(found("[\\d]+", "12٣x")).toEqual(["12٣"]);
});

it("matches a group without regard to case, the long s included", () => {
  expect(found("(?i:'s|'ll)x", "'Sx 'ſx 'lLx 'sX")).toEqual(["'Sx", "'ſx", "'lLx"]);
});

it("knows possessive quantifiers, scripts without Script= and line ends", () => {
  expect(found("\\p{Han}++|\\p{N}{1,2}+", "漢字12345")).toEqual(["漢字", "12", "34", "5"]);
  expect(found("a$", "a\nba")).toEqual(["a", "a"]);
  expect(found("a.", "a\na\r")).toEqual(["a\r"]);
});

it("allows any character to be escaped", () => {
  expect(found("[\\!\\-\\/]+|\\'\\<", "!-/'<")).toEqual(["!-/", "'<"]);
});

it("refuses what JavaScript cannot say", () => {
  expect(() => createPattern({ Regex: "[a-z&&[^b]]" })).toThrow(
    '"&&" inside a character class has no meaning in JavaScript',
  );
  expect(() => createPattern({})).toThrow('the pattern {} has no "String" and no "Regex"');
});

it("takes a string as it is", () => {
  expect("a.b.c".replace(createPattern({ String: "." }), "")).toBe("abc");
});
