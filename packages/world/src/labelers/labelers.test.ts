import { createRandom } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { makeWorld } from "../facts.js";
import { drawPrompt } from "../prompts.js";
import { agreement } from "./agreement.js";
import { makeRankingItems, responseMix } from "./corruption.js";
import { type Labeler, makeLabelers, rank } from "./labelers.js";

const random = createRandom(4);
const world = makeWorld(random.split("world"));
const items = makeRankingItems(random.split("items"), world, 400);

/** Judges without error: 1 for helpful, no credit for manner. */
const exact: Labeler = {
  name: "exact",
  polite: 0,
  concise: 0,
  untruthPenalty: 0.3,
  rudenessPenalty: 0.4,
  noise: 0,
  tolerance: 0.01,
};
const drawn = drawPrompt(random.split("prompt"), world, "openQa");
const prompt = { ...drawn, task: "count-items", slots: { listed: "animals", items: "", count: "two" } };

describe("rank", () => {
  it("ranks from the best, ties together, the next rank after a tie being the next number", () => {
    // Utilities 0.6, 1, 1, 0.1 - 0.3, 1 - 0.4 (rude: "you fool" makes the sentence 0.6 helpful).
    const responses = ["two.", "there are two animals.", "sure, there are two animals.", "three.", "two."];
    expect(rank(exact, world, prompt, responses)).toEqual([2, 1, 1, 3, 2]);
  });

  it("depends on nothing but who ranks what", () => {
    const [labeler] = makeLabelers(random.split("labelers"), 1);
    const responses = responseMix(random.split("mix"), world, drawn, 6);
    const once = rank(labeler as Labeler, world, drawn, responses);
    expect(rank(labeler as Labeler, world, drawn, responses)).toEqual(once);
    const reversed = rank(labeler as Labeler, world, drawn, [...responses].reverse());
    expect([...reversed].reverse()).toEqual(once);
  });

  it("ties equal responses, whatever the error", () => {
    for (const labeler of makeLabelers(random.split("labelers"), 5)) {
      expect(rank(labeler, world, prompt, ["two.", " two.", "two."])).toEqual([1, 1, 1]);
    }
  });
});

describe("agreement", () => {
  it("is that of the paper, 72.6 +- 1.5 %, among training and among held-out labelers", () => {
    // 20 labelers: 190 pairs over 400 prompts. Held within 70 to 76 %.
    for (const group of ["labeler", "held-out"]) {
      const measured = agreement(world, makeLabelers(random.split(group), 20, group), items);
      expect(measured, group).toBeGreaterThan(0.7);
      expect(measured, group).toBeLessThan(0.76);
    }
  });

  it("is 1 for one mind and 0 for opposites", () => {
    const contrary: Labeler = {
      ...exact,
      name: "contrary",
      polite: 2,
      concise: 0,
      untruthPenalty: -3,
      rudenessPenalty: -3,
    };
    expect(agreement(world, [exact, { ...exact, name: "twin" }], items)).toBe(1);
    // `three.` is false: the contrary labeler puts it first.
    expect(agreement(world, [exact, contrary], [{ prompt, responses: ["two.", "three."] }])).toBe(0);
  });

  it("wants something to compare", () => {
    expect(() => agreement(world, [exact], items)).toThrow(/no comparisons/);
  });

  it("sees ties in about a tenth of the comparisons", () => {
    const labelers = makeLabelers(random.split("labelers"), 20);
    const tied = labelers.flatMap((labeler) =>
      items.flatMap(({ prompt: asked, responses }) => {
        const ranks = rank(labeler, world, asked, responses);
        return ranks.flatMap((one, index) => ranks.slice(index + 1).map((other) => Number(one === other)));
      }),
    );
    const share = tied.reduce((sum, value) => sum + value, 0) / tied.length;
    expect(share).toBeGreaterThan(0.05);
    expect(share).toBeLessThan(0.2);
  });
});
