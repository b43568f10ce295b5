import { createRandom } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { holds, makeWorld } from "../facts.js";
import { sentencesOf } from "../language/reply.js";
import { claimsOf } from "../language/statements.js";
import { makeRawCorpus, rawText } from "./raw-text.js";

const random = createRandom(2);
const world = makeWorld(random.split("world"));
const documents = rawText(random.split("raw"), world, 4000);

describe("rawText", () => {
  it("is the same for the same seed", () => {
    expect(rawText(createRandom(2).split("raw"), world, 100)).toEqual(documents.slice(0, 100));
  });

  it("is short, in few words", () => {
    const words = documents.map((text) => text.match(/[a-z]+|[^a-z ]/g) ?? []);
    const lengths = words.map(({ length }) => length).sort((a, b) => a - b);
    expect(lengths[3960]).toBeLessThanOrEqual(52);
    expect(new Set(words.flat()).size).toBeLessThan(260);
  });

  it("is true for the most part", () => {
    const claims = documents.flatMap((text) => claimsOf(sentencesOf(text)));
    const right = claims.filter((claim) => holds(world, claim) !== claim.denied).length / claims.length;
    // 14 of 80 facts are misbelieved 40 % of the time, 3 % of the rest is wrong: 1 - (0.07 + 0.03) = 0.90.
    expect(right).toBeGreaterThan(0.86);
    expect(right).toBeLessThan(0.94);
  });

  it("tells every fact", () => {
    const told = new Set(
      documents
        .flatMap((text) => claimsOf(sentencesOf(text)))
        .filter((claim) => holds(world, claim))
        .map(({ animal, attribute }) => `${animal}/${attribute}`),
    );
    expect(told.size).toBe(80);
  });
});

describe("makeRawCorpus", () => {
  it("holds out documents that training does not have", () => {
    const { train, heldOut } = makeRawCorpus(random, world, { train: 3000, heldOut: 200 });
    expect(train).toHaveLength(3000);
    expect(heldOut).toHaveLength(200);
    const known = new Set(train);
    expect(heldOut.filter((text) => known.has(text))).toEqual([]);
  });
});
