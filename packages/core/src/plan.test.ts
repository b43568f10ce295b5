import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { defineDirectoryArtifact } from "./artifacts.js";
import { planPipeline } from "./pipeline.js";
import { createRegistry } from "./registry.js";
import { defineStage } from "./stage.js";
import { checkWiring } from "./wiring.js";

const model = defineDirectoryArtifact({ kind: "model", description: "A model." });

/** Whose output is as large as its input, if it says so. */
const train = (name: string, hands: boolean) =>
  defineStage({
    name,
    description: "",
    config: z.strictObject({}),
    consumes: { init: model },
    produces: { model },
    run: async () => ({ model: { directory: "" } }),
    async plan({ pending }, _config, { init }) {
      const notes = [
        `${[...pending].join() || "nothing"} pending, init ${init === undefined ? "unknown" : "known"}`,
      ];
      return hands && init !== undefined ? { notes, outputsLike: { model: init } } : { notes };
    },
  });

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(`${tmpdir()}/alignkit-plan-`);
});
afterAll(() => rm(directory, { recursive: true }));

it("a stage is planned with what an earlier one will make, as far as its shapes are known", async () => {
  const registry = createRegistry([{ name: "test", stages: [train("same", true), train("silent", false)] }]);
  const wired = await checkWiring(
    registry,
    {
      stages: [
        { use: "same", inputs: { init: { path: directory } } },
        { use: "same", as: "again" },
        { use: "silent" },
        { use: "same", as: "last" },
      ],
    },
    { baseDirectory: directory },
  );
  const plans = await planPipeline(wired, { baseDirectory: directory });
  expect(plans.map(({ stage, plan }) => [stage, plan.notes?.[0]])).toEqual([
    ["same", "nothing pending, init known"],
    ["again", "init pending, init known"],
    ["silent", "init pending, init known"],
    ["last", "init pending, init unknown"],
  ]);
  expect(plans[1]?.plan.outputsLike).toEqual({ model: { directory } });
});
