import { describe, expect, it } from "vitest";
import { parseJsonText } from "./json-text.js";

describe("parseJsonText", () => {
  it("reads every kind of value, numbers as they are written", () => {
    const value = parseJsonText(' {"a": [true, false, null, "x"], "b": {}, "c": [], "n": -12.50e+3}\n');
    expect(value).toEqual(
      new Map<string, unknown>([
        ["a", [true, false, null, "x"]],
        ["b", new Map()],
        ["c", []],
        ["n", { kind: "number", text: "-12.50e+3" }],
      ]),
    );
  });

  it("reads escapes, surrogate pairs and names of object members", () => {
    expect(parseJsonText('{"\\u00e9\\ud83d\\ude00\\n\\/": 1, "__proto__": 2, "constructor": 3}')).toEqual(
      new Map([
        ["é😀\n/", { kind: "number", text: "1" }],
        ["__proto__", { kind: "number", text: "2" }],
        ["constructor", { kind: "number", text: "3" }],
      ]),
    );
  });

  it.each([
    ["", "a value is expected at the end"],
    ["{", 'a string (") is expected at the end'],
    ['{"a":1', '"}" is expected at the end'],
    ['{"a" 1}', '":" is expected at character 5'],
    ['{"a":1,}', 'a string (") is expected at character 7'],
    ["[1,]", "a value is expected at character 3"],
    ["[01]", '"]" is expected at character 2'],
    ["+1", "a value is expected at character 0"],
    ["NaN", "a value is expected at character 0"],
    ["{} {}", "text after the value at character 3"],
    ['{"a":1,"\\u0061":2}', 'duplicate key "a" at character 15'],
    ['"a', "a string does not end at the end"],
    ['"a\nb"', "a string does not end at character 2"],
    ['"\\x"', "unknown escape \\x at character 3"],
    ['"\\u12g4"', "\\u needs four hexadecimal digits at character 3"],
    ['"\\ud800"', "a string has half of a surrogate pair at the end"],
    ["{toString: 1}", 'a string (") is expected at character 1'],
    [`${"[".repeat(200_000)}`, "nested deeper than 128 levels at character 129"],
  ])("refuses %j", (text, message) => {
    expect(() => parseJsonText(text)).toThrow(new SyntaxError(message));
  });
});
