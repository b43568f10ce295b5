import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom } from "@alignkit/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tinyLlama } from "../test/tiny-llama.js";
import { createModelConfig, type ModelConfig } from "./config.js";
import { readModelDirectory } from "./directory/load.js";
import { readModelConfig, readTokenizerFiles } from "./directory/open.js";
import { readSafetensors } from "./directory/safetensors-reader.js";
import { writeModelDirectory } from "./directory/save.js";
import { initializeParameters } from "./initialize.js";
import { addLora, defaultLoraTargets, mergeLora, trainableNames, withLora } from "./lora.js";
import { type LoraConfig, loraScaling } from "./lora-config.js";
import { parameterSpecifications } from "./parameters.js";

const llama = createModelConfig(tinyLlama);
const gpt2 = createModelConfig({
  model_type: "gpt2",
  vocab_size: 7,
  n_positions: 9,
  n_embd: 4,
  n_layer: 1,
  n_head: 2,
});
const lora: LoraConfig = { rank: 2, alpha: 6, rankStabilized: false, targets: ["q_proj"], base: "." };

const modelOf = (config: ModelConfig, head: "language_model" | "scalar" = "language_model") => ({
  config,
  head,
  parameters: initializeParameters(config, head, createRandom(1)),
  generationConfig: null,
});

describe("addLora", () => {
  it("adds A within 1/sqrt(in) and B of zeros for each target, and leaves the rest", () => {
    const before = modelOf(llama);
    const { config, parameters } = addLora(
      before,
      { ...lora, targets: ["q_proj", "down_proj"] },
      createRandom(2),
    );
    const module = "model.layers.0.self_attn.q_proj";
    expect(trainableNames(config, "language_model")).toEqual([
      `${module}.lora_A.weight`,
      `${module}.lora_B.weight`,
      "model.layers.0.mlp.down_proj.lora_A.weight",
      "model.layers.0.mlp.down_proj.lora_B.weight",
    ]);
    // 3 heads of 4 from 6; rank 2
    const down = parameters.get(`${module}.lora_A.weight`)!;
    expect(down.shape).toEqual([2, 6]);
    expect(Math.max(...down.data.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(6));
    expect(new Set(down.data).size).toBe(12);
    const up = parameters.get(`${module}.lora_B.weight`)!;
    expect(up.shape).toEqual([12, 2]);
    expect([...new Set(up.data)]).toEqual([0]);
    for (const [name, value] of before.parameters) expect(parameters.get(name)).toBe(value);
    expect(
      parameterSpecifications(config, "scalar")
        .filter(({ frozen }) => !frozen)
        .at(0)?.name,
    ).toBe("score.weight");
  });

  it.each([
    [["q_proj"], 1],
    [["self_attn.q_proj", "mlp.up_proj"], 2],
    ["all-linear", 7],
    [".*\\.(k|v)_proj", 2],
  ])("adapts %j", (targets, count) => {
    expect(trainableNames(withLora(llama, { ...lora, targets }), "language_model").length).toBe(2 * count);
  });

  it("refuses targets that there are not", () => {
    const known = "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj";
    expect(() => withLora(llama, { ...lora, targets: ["q_proj", "c_attn", "proj"] })).toThrow(
      `LoRA: targets ["c_attn","proj"] name no projection of llama; it has ${known}, or give "all-linear"`,
    );
    expect(() => withLora(llama, { ...lora, targets: "q_proj" })).toThrow('targets ["q_proj"] name no');
    expect(() => withLora(llama, { ...lora, targets: [] })).toThrow("targets [] name no projection");
  });

  it("adapts by default what peft does", () => {
    expect(defaultLoraTargets(llama)).toEqual(["q_proj", "v_proj"]);
    expect(defaultLoraTargets(gpt2)).toEqual(["c_attn"]);
  });
});

describe("mergeLora", () => {
  it("adds scaling B A, transposed where weights are stored the other way", () => {
    const scaled: LoraConfig = { ...lora, rankStabilized: true, targets: ["attn.c_proj"] };
    // 6 / sqrt(2)
    expect(loraScaling(scaled)).toBeCloseTo(4.2426, 4);
    expect(loraScaling(lora)).toBe(3);
    const adapted = addLora(modelOf(gpt2), { ...scaled, rankStabilized: false }, createRandom(2));
    const module = "transformer.h.0.attn.c_proj";
    const parameters = new Map(adapted.parameters);
    const set = (name: string, shape: number[], at: number) => {
      const data = new Float32Array(8);
      data[at] = 1;
      parameters.set(`${module}.${name}.weight`, { shape, data });
    };
    // A has a 1 at row 1, input 2; B at output 3, row 1: the change is 3 at output 3, input 2.
    set("lora_A", [2, 4], 1 * 4 + 2);
    set("lora_B", [4, 2], 3 * 2 + 1);
    const merged = mergeLora({ ...adapted, parameters }).parameters;
    const before = adapted.parameters.get(`${module}.weight`)!.data;
    const change = merged.get(`${module}.weight`)!.data.map((value, index) => value - before[index]!);
    // Stored [in, out].
    expect([...change].map(Math.round)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0]);
    expect(merged.size).toBe(adapted.parameters.size - 2);
  });
});

describe("adapters in directories", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "alignkit-lora-"));
    const files = new Map([["tokenizer.json", "{}"]]);
    await writeModelDirectory(join(folder, "base"), modelOf(llama), { files });
  });
  afterAll(() => rm(folder, { recursive: true }));

  const adapted = async (head: "language_model" | "scalar") => {
    const base = await readModelDirectory(join(folder, "base"));
    const model = { ...modelOf({ ...base.config, rewardBias: head === "scalar" ? 0.5 : 0 }, head) };
    const parameters = new Map([...model.parameters, ...base.parameters]);
    if (head === "scalar") parameters.delete("lm_head.weight");
    return addLora({ ...model, parameters }, { ...lora, base: join(folder, "base") }, createRandom(3));
  };

  it.each(["language_model", "scalar"] as const)("writes and reads one with a %s", async (head) => {
    const model = await adapted(head);
    const directory = join(folder, head, "adapter");
    await writeModelDirectory(directory, model);
    const { tensors } = await readSafetensors(join(directory, "adapter_model.safetensors"));
    expect([...tensors.keys()]).toEqual([
      "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
      "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight",
      ...(head === "scalar" ? ["base_model.model.score.weight"] : []),
    ]);
    const fields = JSON.parse(await readFile(join(directory, "adapter_config.json"), "utf8"));
    expect(fields).toMatchObject({ base_model_name_or_path: "../../base", r: 2, lora_alpha: 6 });

    const read = await readModelDirectory(directory);
    expect(read.head).toBe(head);
    expect(read.config.lora).toEqual(model.config.lora);
    expect(read.config.rewardBias).toBe(model.config.rewardBias);
    expect([...read.parameters.keys()].sort()).toEqual([...model.parameters.keys()].sort());
    for (const [name, { data }] of read.parameters) expect(data).toEqual(model.parameters.get(name)!.data);
    expect(await readModelConfig(directory)).toEqual(read.config);
    expect([...(await readTokenizerFiles(directory)).keys()]).toEqual(["tokenizer.json"]);

    const merged = mergeLora(read);
    await writeModelDirectory(join(folder, head, "merged"), merged);
    const again = await readModelDirectory(join(folder, head, "merged"));
    expect(again.config.lora).toBeNull();
    expect(again.config.rewardBias).toBe(model.config.rewardBias);
    expect(again.head).toBe(head);
  });

  it("names what is wrong with an adapter", async () => {
    const directory = join(folder, "wrong");
    await writeModelDirectory(directory, await adapted("language_model"));
    const path = join(directory, "adapter_config.json");
    const fields = JSON.parse(await readFile(path, "utf8"));
    const refusal = async (changes: Record<string, unknown>) => {
      await writeFile(path, JSON.stringify({ ...fields, ...changes }));
      return readModelDirectory(directory).then(
        () => expect.fail("it was read"),
        (error: Error) => error.message.replaceAll(folder, ".").replaceAll(process.cwd(), "here"),
      );
    };
    expect([
      await refusal({ use_dora: true, rank_pattern: { a: 1 }, r: 0 }),
      await refusal({ base_model_name_or_path: "other" }),
      await refusal({ r: 3 }),
      await refusal({ target_modules: ["v_proj"] }),
    ]).toMatchInlineSnapshot(`
      [
        "./wrong/adapter_config.json: r (0): Too small: expected number to be >0; use_dora (true): only false is supported; rank_pattern ({"a":1}): is not supported",
        "./wrong/adapter_config.json: base_model_name_or_path "other" is no model directory: neither ./wrong/other nor here/other holds config.json; download the base and give its path there",
        "./wrong/adapter_model.safetensors: the adapter does not fit adapter_config.json and its base (llama, language_model head); take the base that it was trained on: base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight in ./wrong/adapter_model.safetensors has shape [2, 6], adapter_config.json asks for [3, 6]; base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight in ./wrong/adapter_model.safetensors has shape [12, 2], adapter_config.json asks for [12, 3]",
        "./wrong/adapter_model.safetensors: the adapter does not fit adapter_config.json and its base (llama, language_model head); take the base that it was trained on: unexpected base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight [2, 6]; unexpected base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight [12, 2]; missing base_model.model.model.layers.0.self_attn.v_proj.lora_A.weight [2, 6]; missing base_model.model.model.layers.0.self_attn.v_proj.lora_B.weight [4, 2]",
      ]
    `);
  });
});
