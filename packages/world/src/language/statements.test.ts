import { describe, expect, it } from "vitest";
import { sentencesOf } from "./reply.js";
import { claimsOf, sayFacts } from "./statements.js";

/** `animal attribute value`, with `not` before a denied value. */
const read = (text: string) =>
  claimsOf(sentencesOf(text)).map(
    ({ animal, attribute, value, denied }) => `${animal} ${attribute} ${denied ? "not " : ""}${value}`,
  );

describe("claimsOf", () => {
  it.each([
    ["the fox is red.", ["fox colour red"]],
    ["the fox is big and red.", ["fox size big", "fox colour red"]],
    ["the big red fox lives in the barn.", ["fox size big", "fox colour red", "fox home barn"]],
    ["the fox lives in the barn and eats cake.", ["fox home barn", "fox food cake"]],
    [
      "the fox is red. it eats cake. its friend is the owl.",
      ["fox colour red", "fox food cake", "fox friend owl"],
    ],
    ["the friend of the fox is the owl.", ["fox friend owl"]],
    ["the fox does not eat fish. it is not blue.", ["fox food not fish", "fox colour not blue"]],
    ["yes, the fox is red.", ["fox colour red"]],
    ["the fox went home to the cave.", ["fox home cave"]],
  ])("reads %s", (text, claims) => {
    expect(read(text)).toEqual(claims);
  });

  it.each([
    "is the fox red?",
    "the fox.",
    "it is red.",
    "the fox red lives.",
    "the ball is red.",
    "the fox is a hen.",
  ])("reads no claim in %s", (text) => {
    expect(read(text)).toEqual([]);
  });

  it("takes the pronoun for the animal that a story is about", () => {
    expect(read("one day the fox found a ball. it is big.")).toEqual(["fox size big"]);
  });
});

describe("sayFacts", () => {
  it("names the animal once, and the friend last", () => {
    const said = sayFacts([
      { animal: "hen", attribute: "friend", value: "owl" },
      { animal: "hen", attribute: "home", value: "town" },
    ]);
    expect(said).toBe("the hen lives in the town. its friend is the owl.");
    expect(read(said)).toEqual(["hen home town", "hen friend owl"]);
  });
});
