import { describe, expect, it } from "vitest";
import { fill, match } from "./pattern.js";

describe("patterns", () => {
  it("reads back what it wrote", () => {
    const pattern = "it gave the {object} to the {other:animal}";
    const written = fill(pattern, { object: "kite", other: "owl" });
    expect(written).toBe("it gave the kite to the owl");
    expect(match(pattern, written.split(" "))).toEqual({ object: "kite", other: "owl" });
  });

  it("matches whole sentences of the right words only", () => {
    expect(match("i like the {object}", "i like the owl".split(" "))).toBeUndefined();
    expect(match("i like the {object}", "i like the hat now".split(" "))).toBeUndefined();
    expect(match("i like the {object}", "i hate the hat".split(" "))).toBeUndefined();
  });

  it("wants a repeated slot to repeat", () => {
    expect(match("{person} and {person}", ["ann", "and", "ann"])).toEqual({ person: "ann" });
    expect(match("{person} and {person}", ["ann", "and", "tom"])).toBeUndefined();
  });

  it("says which slot lacks its text", () => {
    expect(() => fill("i am {person}.", {})).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: fill: slot {person} of "i am {person}." has no text]`,
    );
  });
});
