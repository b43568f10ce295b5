import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { type DirectoryArtifact, defineArtifact, defineDirectoryArtifact } from "./artifacts.js";
import { definePlugin } from "./plugin.js";
import { defineStage, type StageContext } from "./stage.js";

const policyKey = defineDirectoryArtifact({ kind: "policy", description: "A language model." });
const rankingsKey = defineArtifact<readonly number[]>({
  kind: "rankings",
  description: "Ranked responses.",
  async save() {},
  async load() {
    return [];
  },
});

const stage = defineStage({
  name: "reward",
  description: "Trains a reward model.",
  config: z.object({ steps: z.number().default(10) }),
  consumes: { init: policyKey },
  optionalConsumes: { rankings: rankingsKey },
  produces: { rewardModel: policyKey },
  async run(context, config, inputs) {
    expectTypeOf(context).toEqualTypeOf<StageContext>();
    expectTypeOf(config).toEqualTypeOf<{ steps: number }>();
    expectTypeOf(inputs.init).toEqualTypeOf<DirectoryArtifact>();
    expectTypeOf(inputs.rankings).toEqualTypeOf<readonly number[] | undefined>();
    // @ts-expect-error no such input
    inputs.policy;
    return { rewardModel: { directory: "x" } };
  },
  async plan(_context, config, inputs) {
    expectTypeOf(inputs.init).toEqualTypeOf<DirectoryArtifact | undefined>();
    return { steps: config.steps };
  },
});

describe("defineStage", () => {
  it("infers inputs, outputs and config from the keys and the schema", () => {
    expectTypeOf<Parameters<typeof stage.run>[1]>().toEqualTypeOf<{ steps: number }>();
    expectTypeOf<Awaited<ReturnType<typeof stage.run>>>().toEqualTypeOf<{
      readonly rewardModel: DirectoryArtifact;
    }>();
  });

  it("refuses outputs that do not fit the keys", () => {
    defineStage({
      name: "sft",
      description: "",
      config: z.object({}),
      consumes: {},
      produces: { policy: policyKey },
      // @ts-expect-error the output is called policy
      async run() {
        return { model: { directory: "x" } };
      },
    });
  });

  it("makes stages that a plugin can carry", () => {
    definePlugin({ name: "example", stages: [stage] });
  });
});
