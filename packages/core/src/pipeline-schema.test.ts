import { expect, it } from "vitest";
import { pipelineSchema } from "./pipeline-schema.js";

it("takes what a pipeline file may hold and names what it may not", () => {
  const file = { stages: [{ use: "sft", inputs: { init: { path: "./model" } } }] };
  expect(pipelineSchema.parse(file)).toEqual(file);
  const wrong = pipelineSchema.safeParse({ stages: [{ use: "sft", input: {} }] });
  expect(wrong.error?.issues[0]?.message).toMatch(/input/);
});
