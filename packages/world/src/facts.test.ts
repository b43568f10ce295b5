import { createRandom } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { ATTRIBUTES, holds, MISCONCEPTION_COUNT, makeWorld, truth } from "./facts.js";
import { LEXICON } from "./language/lexicon.js";

const world = makeWorld(createRandom(7));

describe("makeWorld", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(makeWorld(createRandom(7))).toEqual(world);
    expect(makeWorld(createRandom(8))).not.toEqual(world);
  });

  it("survives JSON", () => {
    expect(JSON.parse(JSON.stringify(world))).toEqual(world);
  });

  it("deals every value out, evenly", () => {
    // 16 animals over 8 values: each comes twice.
    for (const attribute of ["colour", "home", "food"] as const) {
      const counts = new Map<string, number>();
      for (const animal of LEXICON.animal) {
        const value = truth(world, animal, attribute);
        counts.set(value, (counts.get(value) ?? 0) + 1);
      }
      expect([...counts.values()].sort()).toEqual([2, 2, 2, 2, 2, 2, 2, 2]);
    }
  });

  it("makes nobody their own friend, and everybody the friend of one", () => {
    const friends = LEXICON.animal.map((animal) => truth(world, animal, "friend"));
    expect(new Set(friends).size).toBe(16);
    expect(friends.every((friend, index) => friend !== LEXICON.animal[index])).toBe(true);
  });

  it("holds its facts, and none of its misconceptions", () => {
    for (const animal of LEXICON.animal) {
      for (const attribute of ATTRIBUTES) {
        expect(holds(world, { animal, attribute, value: truth(world, animal, attribute) })).toBe(true);
      }
    }
    expect(world.misconceptions).toHaveLength(MISCONCEPTION_COUNT);
    expect(world.misconceptions.some((fact) => holds(world, fact))).toBe(false);
  });
});
