import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { AlignkitError } from "./errors.js";
import { resolveConfig } from "./pipeline.js";
import { fromPaper, ownChoice, valuesOf } from "./preset.js";
import { createRegistry } from "./registry.js";
import { defineStage } from "./stage.js";
import { checkWiring, type Pipeline } from "./wiring.js";

const presets = {
  paper: {
    description: "a paper",
    values: { rate: fromPaper(3, "table 1"), limit: ownChoice(null, "the paper names none") },
  },
  other: { description: "another", values: { rate: fromPaper(4, "table 2") } },
};
const config = z.strictObject({ rate: z.number().default(1), limit: z.number().nullable().default(2) });
const ends = { consumes: {}, produces: {}, description: "", run: async () => ({}) };
const registry = createRegistry([
  {
    name: "test",
    stages: [
      defineStage({ ...ends, name: "train", config, presets }),
      defineStage({ ...ends, name: "plain", config }),
    ],
  },
]);

const check = (pipeline: Pipeline) => checkWiring(registry, pipeline, { baseDirectory: "." });
const configsOf = async (pipeline: Pipeline) => (await check(pipeline)).stages.map((stage) => stage.config);
const problemsOf = async (pipeline: Pipeline) => {
  const error = await check(pipeline).then(
    () => undefined,
    (reason: AlignkitError) => reason,
  );
  return error?.details.problems;
};

describe("valuesOf", () => {
  it("takes the values and names the preset as their source", () => {
    expect(valuesOf("paper", presets.paper.values)).toEqual({
      rate: { value: 3, origin: "choice", source: "as in paper" },
      limit: { value: null, origin: "choice", source: "as in paper" },
    });
  });
});

describe("preset", () => {
  it("stands between defaults and config, null included", async () => {
    expect(
      await configsOf({
        stages: [
          { use: "train" },
          { use: "train", as: "a", preset: "paper" },
          { use: "train", as: "b", preset: "paper", config: { rate: 5 } },
          { use: "train", as: "c", preset: "other", config: { limit: null } },
        ],
      }),
    ).toEqual([
      { rate: 1, limit: 2 },
      { rate: 3, limit: null },
      { rate: 5, limit: null },
      { rate: 4, limit: null },
    ]);
  });

  it("of a pipeline is for the stages that have it and name none", async () => {
    const pipeline = {
      preset: "paper",
      stages: [{ use: "train" }, { use: "train", as: "own", preset: "other" }, { use: "plain" }],
    };
    expect(await configsOf(pipeline)).toEqual([
      { rate: 3, limit: null },
      { rate: 4, limit: 2 },
      { rate: 1, limit: 2 },
    ]);
    const resolved = resolveConfig(await check(pipeline), 0) as { readonly stages: readonly object[] };
    expect(resolved.stages.map((stage) => ("preset" in stage ? stage.preset : undefined))).toEqual([
      "paper",
      "other",
      undefined,
    ]);
  });

  it("that nobody has is refused, with those that there are", async () => {
    expect(await problemsOf({ preset: "papr", stages: [{ use: "train" }, { use: "plain" }] })).toEqual([
      'preset "papr": no stage of the pipeline has it; known: other, paper',
    ]);
    expect(await problemsOf({ stages: [{ use: "plain", preset: "paper" }] })).toEqual([
      'plain.preset: "paper" is unknown; known: none',
    ]);
    expect(await problemsOf({ stages: [{ use: "train", preset: "toString" }] })).toEqual([
      'train.preset: "toString" is unknown; known: other, paper',
    ]);
  });

  it("leaves what is no mapping to the schema", async () => {
    expect(await problemsOf({ stages: [{ use: "train", preset: "paper", config: [1] }] })).toEqual([
      "train.config ([1]): Invalid input: expected object, received array",
    ]);
  });
});
