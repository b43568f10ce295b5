import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createRandom, float32, referenceBackend } from "@alignkit/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createModelConfig } from "./config.js";
import { readModelDirectory } from "./directory/load.js";
import { writeModelDirectory } from "./directory/save.js";
import { initializeParameters, type ParameterValue } from "./initialize.js";
import { trainableNames } from "./lora.js";
import { createModelOptimizer, createSharedWeights, type LoraFields, modelToTrain } from "./lora-training.js";
import { hostTensors } from "./training.js";

const config = createModelConfig({
  model_type: "gpt2",
  vocab_size: 7,
  n_positions: 9,
  n_embd: 4,
  n_layer: 1,
  n_head: 2,
});
const model = {
  config,
  head: "language_model",
  parameters: initializeParameters(config, "language_model", createRandom(1)),
  generationConfig: null,
} as const;
const none: LoraFields = {
  use_peft: false,
  lora_r: null,
  lora_alpha: null,
  lora_target_modules: null,
  use_rslora: null,
};
const adapted = (fields: Partial<LoraFields>) =>
  modelToTrain(model, { ...none, use_peft: true, ...fields }, "base", createRandom(2));

describe("modelToTrain", () => {
  it("takes the whole model without use_peft, and refuses fields that would do nothing", () => {
    expect(modelToTrain(model, none, "base", createRandom(2))).toBe(model);
    expect(() => modelToTrain(model, { ...none, lora_r: 4 }, "base", createRandom(2))).toThrow(
      "lora_r: only with use_peft: true",
    );
    const whole = modelToTrain(adapted({}), none, "adapter", createRandom(2));
    expect(whole.config.lora).toBeNull();
    expect([...whole.parameters.keys()]).toEqual([...model.parameters.keys()]);
  });

  it("adds an adapter of TRL's defaults, or as asked", () => {
    expect(adapted({}).config.lora).toEqual({
      rank: 16,
      alpha: 32,
      rankStabilized: false,
      targets: ["c_attn"],
      base: resolve("base"),
    });
    expect(adapted({ lora_r: 2, use_rslora: true, lora_target_modules: "c_fc" }).config.lora).toMatchObject({
      rank: 2,
      rankStabilized: true,
      targets: ["c_fc"],
    });
    expect(adapted({ lora_target_modules: "all-linear" }).config.lora?.targets).toBe("all-linear");
  });

  it("goes on with an adapter, unless the fields contradict it", () => {
    const first = adapted({ lora_r: 2 });
    const again = (fields: Partial<LoraFields>) =>
      modelToTrain(first, { ...none, use_peft: true, ...fields }, "adapter", createRandom(3));
    expect(again({ lora_r: 2 })).toBe(first);
    expect(() => again({ lora_r: 4, lora_alpha: 8 })).toThrow(
      'adapter: its LoRA adapter is continued, which contradicts lora_r 4 (it has 2), lora_alpha 8 (it has 32); leave that out, or merge the adapter first with "alignkit export"',
    );
  });
});

describe("frozen weights", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "alignkit-shared-"));
    await writeModelDirectory(join(folder, "base"), model);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("are in memory once, whichever models have them, and no step changes them", async () => {
    const known = new Map<string, ParameterValue>();
    const base = await readModelDirectory(join(folder, "base"), { known });
    const fields = { ...none, use_peft: true, lora_r: 2 };
    const policy = modelToTrain(base, fields, join(folder, "base"), createRandom(2));
    await writeModelDirectory(join(folder, "adapter"), policy);
    const reference = await readModelDirectory(join(folder, "adapter"), { known });
    expect(reference.parameters.get("transformer.wte.weight")).toBe(
      base.parameters.get("transformer.wte.weight"),
    );

    const backend = referenceBackend();
    const shared = createSharedWeights(backend);
    const settings = {
      beta1: 0.9,
      beta2: 0.95,
      epsilon: 1e-8,
      epsilonForm: "pytorch",
      weightDecay: 0.1,
      decays: () => true,
      maxGradNorm: undefined,
    } as const;
    const start = { ...policy, initialize: () => policy.parameters };
    const optimizer = await createModelOptimizer(backend, settings, start, shared);
    const frozen = await shared.upload(hostTensors(reference.parameters));
    const wte = "transformer.wte.weight";
    const up = "transformer.h.0.attn.c_attn.lora_B.weight";
    expect(optimizer.parameters[wte]).toBe(frozen[wte]);
    expect(optimizer.parameters[up]).not.toBe(frozen[up]);
    expect(Object.keys(optimizer.trained)).toEqual(trainableNames(policy.config, "language_model"));

    const gradients: Record<string, Awaited<ReturnType<typeof backend.upload>>> = {};
    for (const [name, { type }] of Object.entries(optimizer.trained)) {
      const ones = new Float32Array(type.shape.reduce((a, b) => a * b, 1)).fill(1);
      gradients[name] = await backend.upload(float32(ones, type.shape));
    }
    await optimizer.apply(gradients, 0.1);
    // The first step of Adam is the learning rate: 0 - 0.1.
    expect((await optimizer.parameters[up]?.read())?.data[0]).toBeCloseTo(-0.1, 6);
    expect((await frozen[up]?.read())?.data[0]).toBe(0);
    expect(optimizer.parameters[wte]).toBe(frozen[wte]);
    await optimizer.dispose();
    expect((await frozen[wte]?.read())?.data.length).toBe(28);
    shared.dispose();
  });
});
