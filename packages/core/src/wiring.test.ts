import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type ArtifactKeys, defineDirectoryArtifact } from "./artifacts.js";
import { type AlignkitError, WiringError } from "./errors.js";
import { createRegistry } from "./registry.js";
import { defineStage } from "./stage.js";
import { checkWiring, type Pipeline } from "./wiring.js";

const policy = defineDirectoryArtifact({ kind: "policy", description: "A language model." });
const rewardModel = defineDirectoryArtifact({ kind: "reward-model", description: "A model that scores." });
const rankings = defineDirectoryArtifact({ kind: "rankings", description: "Ranked responses." });

const stage = (
  name: string,
  consumes: ArtifactKeys,
  produces: ArtifactKeys,
  optionalConsumes: ArtifactKeys = {},
) =>
  defineStage({
    name,
    description: "",
    config: z.strictObject({
      steps: z.int().positive().default(10),
      optimizer: z.strictObject({ rate: z.number().positive().default(0.1) }).prefault({}),
    }),
    consumes,
    optionalConsumes,
    produces,
    run: async () => ({}),
  });

const registry = createRegistry([
  {
    name: "test",
    stages: [
      stage("pretrain", {}, { policy }),
      stage("sft", { init: policy }, { policy }),
      stage("rank", { policy }, { rankings }),
      stage("reward", { init: policy, rankings }, { rewardModel }),
      stage(
        "ppo",
        { policy, rewardModel },
        { policy, value: rewardModel },
        { reference: policy, value: rewardModel },
      ),
      stage("twins", {}, { left: policy, right: policy }),
    ],
  },
]);

let baseDirectory: string;
beforeAll(async () => {
  baseDirectory = await mkdtemp(`${tmpdir()}/alignkit-wiring-`);
});
afterAll(() => rm(baseDirectory, { recursive: true }));

const inputsOf = async (pipeline: Pipeline) => {
  const wired = await checkWiring(registry, pipeline, { baseDirectory });
  return Object.fromEntries(
    wired.stages.map(({ name, inputs }) => [
      name,
      Object.fromEntries(
        Object.entries(inputs).map(([input, source]) => [
          input,
          "path" in source ? source.path : `${source.stage}.${source.output}`,
        ]),
      ),
    ]),
  );
};

const problemsOf = async (pipeline: Pipeline) => {
  const error = await checkWiring(registry, pipeline, { baseDirectory }).then(
    () => undefined,
    (reason: AlignkitError) => reason,
  );
  expect(error).toBeInstanceOf(WiringError);
  for (const line of error!.details.problems as string[]) expect(error!.message).toContain(line);
  return (error!.details.problems as string[]).map((line) => line.replaceAll(baseDirectory, "BASE"));
};

describe("default wiring", () => {
  it("takes the nearest earlier output of the kind", async () => {
    const stages = ["pretrain", "sft", "rank", "reward", "ppo"].map((use) => ({ use }));
    expect(await inputsOf({ stages })).toEqual({
      pretrain: {},
      sft: { init: "pretrain.policy" },
      rank: { policy: "sft.policy" },
      reward: { init: "sft.policy", rankings: "rank.rankings" },
      // "reference" is optional and no output bears its name.
      ppo: { policy: "sft.policy", rewardModel: "reward.rewardModel" },
    });
  });

  it("gives an optional input what bears its name", async () => {
    const stages = [
      ...["pretrain", "rank", "reward", "ppo"].map((use) => ({ use })),
      { use: "ppo", as: "ppo-ptx", inputs: { policy: "pretrain.policy", rewardModel: "reward.rewardModel" } },
    ];
    expect((await inputsOf({ stages }))["ppo-ptx"]).toEqual({
      policy: "pretrain.policy",
      rewardModel: "reward.rewardModel",
      value: "ppo.value",
    });
  });

  it("asks when one stage has several of the kind and none bears the name", async () => {
    expect(await problemsOf({ stages: [{ use: "twins" }, { use: "sft" }] })).toMatchInlineSnapshot(`
      [
        "sft.init: stage "twins" has several outputs of kind "policy"; say "twins.left" or "twins.right"",
      ]
    `);
    const stages = [{ use: "twins" }, { use: "sft", inputs: { init: "twins.right" } }];
    expect((await inputsOf({ stages })).sft).toEqual({ init: "twins.right" });
  });

  it("fills defaults into the config", async () => {
    const wired = await checkWiring(
      registry,
      { stages: [{ use: "pretrain", config: { steps: 3 } }] },
      { baseDirectory },
    );
    expect(wired.stages[0]!.config).toEqual({ steps: 3, optimizer: { rate: 0.1 } });
  });
});

describe("checkWiring", () => {
  it("names everything that is wrong at once", async () => {
    const pipeline: Pipeline = {
      stages: [
        { use: "sft", config: { steps: 0, optimizer: { rate: "fast" }, stpes: 1 } },
        { use: "reward", inputs: { rankings: { path: "rankings.jsonl" }, demonstrations: "sft.policy" } },
        { use: "rank", as: "bad/name" },
        { use: "sft", inputs: { init: "ppo.policy" } },
        {
          use: "ppo",
          inputs: { policy: "reward.rewardModel", rewardModel: "reward.score", reference: "policy" },
        },
        { use: "ppo", as: "last", inputs: { policy: "pretrain.policy" } },
      ],
    };
    expect(await problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "sft.config.steps (0): Too small: expected number to be >0",
        "sft.config.optimizer.rate ("fast"): Invalid input: expected number, received string",
        "sft.config: Unrecognized key: "stpes"",
        "sft.init: no earlier stage produces a "policy"; add one, or give inputs.init a path",
        "reward.inputs.demonstrations: there is no such input; inputs: init, rankings",
        "reward.inputs.rankings: nothing is at BASE/rankings.jsonl",
        "bad/name: a stage's name must match /^[A-Za-z0-9][A-Za-z0-9_-]*$/; it names a folder",
        "sft: two stages bear this name; give one another with "as"",
        "sft.inputs.init: stage "ppo" does not run before this one; before it: bad/name, reward, sft",
        "ppo.inputs.reference: "policy" is not a reference; write "stage.output", or { path: "./directory" }",
        "ppo.inputs.policy: "reward.rewardModel" is a "reward-model", the input takes a "policy"",
        "ppo.inputs.rewardModel: stage "reward" has no output "score"; outputs: rewardModel",
        "last.inputs.policy: stage "pretrain" is not in the pipeline; before it: bad/name, ppo, reward, sft, sft",
      ]
    `);
  });

  it("does not blame a stage for what an unknown one might have produced", async () => {
    expect(await problemsOf({ stages: [{ use: "pretrian" }, { use: "sft" }] })).toMatchInlineSnapshot(`
      [
        "pretrian: stage "pretrian" is unknown; known: ppo, pretrain, rank, reward, sft, twins",
      ]
    `);
  });

  it("refuses a pipeline without stages", async () => {
    expect(await problemsOf({ stages: [] })).toEqual(["the pipeline has no stages"]);
  });

  it("gives its problems as a list for people", async () => {
    await expect(checkWiring(registry, { stages: [{ use: "sft" }] }, { baseDirectory })).rejects.toThrow(
      /^pipeline: 1 problem\n- sft\.init: no earlier stage produces a "policy"; add one, or give inputs\.init a path$/,
    );
  });
});
