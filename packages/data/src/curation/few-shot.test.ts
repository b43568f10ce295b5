import { createRandom } from "@alignkit/core";
import { expect, it } from "vitest";
import { fewShotDemonstrations } from "./few-shot.js";

const instruction = "Give the plural.";
const words = ["fox", "dog", "cat", "owl"];
const instances = words.map((word) => ({ input: word, output: `${word}s` }));

it("writes instruction, examples and query", () => {
  const one = { instruction, instances: instances.slice(0, 2) };
  const options = { copies: 9, minimumShots: 1, maximumShots: 1, random: createRandom(0) };
  // Two instances, one example each: only two demonstrations.
  const prompts = fewShotDemonstrations(one, options).map(({ prompt, completion }) => prompt + completion);
  expect(prompts.sort()).toEqual([
    "Give the plural.\n\nInput: dog\nOutput: dogs\n\nInput: fox\nOutput: foxs",
    "Give the plural.\n\nInput: fox\nOutput: foxs\n\nInput: dog\nOutput: dogs",
  ]);
});

it("leaves out an empty input", () => {
  const one = { instruction: "Name a fruit.", instances: [{ input: "", output: "Pear" }] };
  const options = { copies: 3, minimumShots: 1, maximumShots: 5, random: createRandom(0) };
  expect(fewShotDemonstrations(one, options)).toEqual([
    { prompt: "Name a fruit.\n\nOutput:", completion: " Pear" },
  ]);
});

it.each([1, 2, 3, 4, 5, 6])("makes different sets, without the query among its examples, seed %i", (seed) => {
  const random = createRandom(seed);
  const count = 1 + random.integer(4);
  const minimumShots = random.integer(3);
  const maximumShots = minimumShots + random.integer(3);
  const copies = 1 + random.integer(40);
  const given = { instruction, instances: instances.slice(0, count) };
  const made = fewShotDemonstrations(given, { copies, minimumShots, maximumShots, random });

  const keys = made.map(({ prompt, completion }) => {
    const shown = [...prompt.matchAll(/Input: (\w+)\nOutput: (\w+)/g)].map(([, input, output]) => {
      expect(output).toBe(`${input}s`);
      return input;
    });
    const query = completion.trim().slice(0, -1);
    expect(prompt.endsWith(`Input: ${query}\nOutput:`)).toBe(true);
    expect(shown).not.toContain(query);
    expect(new Set(shown).size).toBe(shown.length);
    expect(shown.length).toBeLessThanOrEqual(maximumShots);
    expect(shown.length).toBeGreaterThanOrEqual(Math.min(minimumShots, count - 1));
    return `${query}: ${shown.sort()}`;
  });
  expect(new Set(keys).size).toBe(made.length);
  // All different ones, counted by hand: each query with each subset of the others of an allowed size.
  const sizes = Array.from(
    { length: 2 ** (count - 1) },
    (_, set) => set.toString(2).replaceAll("0", "").length,
  );
  const least = Math.min(minimumShots, count - 1);
  const possible = count * sizes.filter((size) => size >= least && size <= maximumShots).length;
  expect(made.length).toBe(Math.min(copies, possible));
});
