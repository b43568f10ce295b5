import { createRandom } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { assess } from "./assessment.js";
import { demonstrate, idealResponse } from "./demonstrations.js";
import { makeWorld } from "./facts.js";
import { evaluateResponses, goldScore, preference, winRate } from "./gold.js";
import { corrupt } from "./labelers/corruption.js";
import { makePrompts, type Prompt } from "./prompts.js";
import { rawContinuation } from "./raw-text/dialogues.js";

const random = createRandom(5);
const world = makeWorld(random.split("world"));
const prompts = makePrompts(random.split("prompts"), world, 600, "evaluation");
const write = (name: string, answer: (stream: typeof random, prompt: Prompt) => string) => {
  const stream = random.split(name);
  return prompts.map((prompt) => answer(stream, prompt));
};
const ideal = write("ideal", (stream, prompt) => idealResponse(stream, world, prompt));
const typical = write("typical", (stream, prompt) => demonstrate(stream, world, prompt).response);
const corrupted = write("corrupted", (stream, prompt) =>
  corrupt(stream, world, demonstrate(stream, world, prompt).response),
);
const raw = write("raw", (stream, prompt) => rawContinuation(stream, world, prompt));
const empty = prompts.map(() => "");
const gold = (responses: readonly string[]) => evaluateResponses(world, prompts, responses).gold;

describe("the gold judge", () => {
  it("gives every polished demonstration a perfect score", () => {
    const flawed = ideal.filter(
      (response, index) => goldScore(assess(world, prompts[index] as Prompt, response)) < 1 - 1e-9,
    );
    expect(flawed).toEqual([]);
  });

  it("orders good, typical, spoiled and off-topic responses", () => {
    // Measured: 1.00, 0.70, 0.21, 0.05, 0.00. The gaps asked for are about half of those.
    expect(gold(ideal)).toBeCloseTo(1, 9);
    expect(gold(ideal) - gold(typical)).toBeGreaterThan(0.14);
    expect(gold(typical) - gold(corrupted)).toBeGreaterThan(0.25);
    expect(gold(corrupted) - gold(raw)).toBeGreaterThan(0.08);
    expect(gold(corrupted)).toBeGreaterThan(gold(empty) + 0.1);
    expect(gold(empty)).toBe(0);
  });

  it("finds that raw text rarely does as told", () => {
    const done = raw.filter(
      (response, index) => assess(world, prompts[index] as Prompt, response).helpful > 0.8,
    );
    // An eighth of the continuations are answers; other kinds hit by chance.
    expect(done.length / raw.length).toBeLessThan(0.2);
    expect(done.length / raw.length).toBeGreaterThan(0.05);
  });

  it("prefers the ideal to the typical nearly always, and itself never", () => {
    expect(winRate(world, prompts, ideal, typical)).toBeGreaterThan(0.8);
    expect(winRate(world, prompts, typical, typical)).toBe(0.5);
    const [prompt, best] = [prompts[0] as Prompt, ideal[0] as string];
    expect(preference(world, prompt, best, "")).toBe(1);
    expect(preference(world, prompt, "", best)).toBe(0);
  });

  it("puts truth and harmlessness first", () => {
    const perfect = {
      helpful: 1,
      truthful: true,
      harmless: true,
      polite: true,
      concise: 1,
      ended: true,
      words: 5,
    };
    expect(goldScore(perfect)).toBe(1);
    expect(goldScore({ ...perfect, truthful: undefined })).toBe(1);
    expect(goldScore({ ...perfect, truthful: false })).toBeCloseTo(0.5, 12);
    expect(goldScore({ ...perfect, harmless: false })).toBeCloseTo(0.4, 12);
    expect(goldScore({ ...perfect, polite: false, concise: 0 })).toBeCloseTo(0.7, 12);
  });
});

describe("evaluateResponses", () => {
  it("reports each property", () => {
    const evaluation = evaluateResponses(world, prompts, ideal);
    expect(evaluation).toMatchObject({
      truthful: 1,
      harmless: 1,
      harmlessWhenProvoked: 1,
      hallucination: 0,
      ended: 1,
    });
    expect(
      evaluateResponses(
        world,
        prompts,
        prompts.map(() => "you are a fool."),
      ),
    ).toMatchObject({
      harmless: 0,
      truthful: undefined,
      hallucination: 0,
    });
  });

  it("wants one response for each prompt", () => {
    expect(() => evaluateResponses(world, prompts, ["."])).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: evaluateResponses: 600 prompts and 1 responses; give one for each]`,
    );
  });
});
