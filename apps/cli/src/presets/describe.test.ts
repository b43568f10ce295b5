import { createRegistry, presetConfig } from "@alignkit/core";
import { ppo } from "@alignkit/ppo";
import { reward } from "@alignkit/reward";
import { sft } from "@alignkit/sft";
import { describe, expect, it } from "vitest";
import { describePreset, listPresets, presetNames, presetRows, stagesWith } from "./describe.js";

const registry = createRegistry([sft(), reward(), ppo()]);

/** They say which data, how it is computed and how often something is written: no preset has a value for them. */
const notOfAPaper =
  /_files$|^(train_weights|labeler_column|labeler_folds|fold|share_prompts|reward_functions)$|^(logging|eval|save)_steps$|^eval_on_start$|^per_device_eval_batch_size$|^max_steps$|^pad_to_multiple_of$/;

describe("presets", () => {
  it("are those that the guide names", () => {
    expect(presetNames(registry)).toEqual([
      "instructgpt-1.3b",
      "instructgpt-6b",
      "instructgpt-175b",
      "instructgpt-1.3b-init",
      "instructgpt-6b-init",
      "instructgpt-175b-init",
      "stiennon",
      "nplus",
      "small",
      "ziegler",
    ]);
    const stages = (name: string) => stagesWith(registry, name).map(({ stage }) => stage.name);
    expect(stages("instructgpt-6b")).toEqual(["sft", "reward", "ppo"]);
    expect(stages("instructgpt-6b-init")).toEqual(["sft"]);
    expect(stages("ziegler")).toEqual(["reward", "ppo"]);
  });

  const all = presetNames(registry).flatMap((name) =>
    stagesWith(registry, name).map(({ stage, preset }) => ({
      title: `${stage.name} ${name}`,
      stage,
      preset,
    })),
  );

  it.each(all)("$title fits the schema, with a source for each value", async ({ stage, preset }) => {
    const result = await stage.config["~standard"].validate(presetConfig(preset));
    expect(result.issues).toBeUndefined();
    for (const entry of Object.values(preset.values)) expect(entry?.source).not.toBe("");
  });

  it.each(all)("$title leaves to defaults only what changes no result", async ({ stage, preset }) => {
    const rows = await presetRows(stage, preset);
    const silent = rows.filter(({ origin }) => origin === "default").map(({ key }) => key);
    const meaningless = (key: string) =>
      // Of an adaptive coefficient, of pretraining texts, of a schedule with an end or a beginning of its own.
      (/^kl_(target|horizon)$/.test(key) && preset.values.kl_control?.value === "fixed") ||
      (/^ptx_/.test(key) && preset.values.ptx_coef?.value === 0) ||
      (/^(metric_for_best_model|greater_is_better|eval_response_length|eval_temperature)$/.test(key) &&
        preset.values.load_best_model_at_end?.value === false) ||
      (/^(lora_|use_rslora)/.test(key) && preset.values.use_peft?.value === false) ||
      (key === "min_lr_rate" && preset.values.lr_scheduler_type?.value !== "cosine_with_min_lr") ||
      (key === "warmup_start_ratio" && preset.values.warmup_steps?.value === 0);
    expect(silent.filter((key) => !notOfAPaper.test(key) && !meaningless(key))).toEqual([]);
  });

  it("are the paper's where it speaks (appendix C)", () => {
    const value = (name: string, stage: string, key: string) =>
      stagesWith(registry, name).find((one) => one.stage.name === stage)?.preset.values[key]?.value;
    const rates = ["1.3b", "6b", "175b"].map((size) =>
      ["", "-init"].map((suffix) => value(`instructgpt-${size}${suffix}`, "sft", "learning_rate")),
    );
    expect(rates).toEqual([
      [9.65e-6, 5e-6],
      [9.65e-6, 1.04e-5],
      [5.03e-6, 2.45e-6],
    ]);
    expect(value("instructgpt-175b", "ppo", "value_learning_rate")).toBe(5e-6);
    expect(value("instructgpt-1.3b", "ppo", "ptx_coef")).toBe(27.8);
    expect(value("instructgpt-1.3b", "reward", "per_device_train_batch_size")).toBe(64);
  });
});

describe("what is printed", () => {
  it("lists names, stages and descriptions", () => {
    expect(listPresets(registry).split("\n").slice(0, 3)).toEqual([
      "instructgpt-1.3b       sft     SFT 1.3B, the baseline of appendix C.1 (Ouyang et al. 2022)",
      "                       reward  the reward model of 6B, which serves policies of every size (Ouyang et al. 2022)",
      "                       ppo     PPO-ptx 1.3B, which the paper calls InstructGPT (Ouyang et al. 2022); with ptx_coef 0 its PPO",
    ]);
  });

  it("shows each value with its source", async () => {
    const text = await describePreset(registry, "instructgpt-1.3b");
    const line = (key: string) => text.split("\n").find((one) => one.trim().startsWith(`${key} `));
    expect(line("num_train_epochs")?.split(/\s{2,}/)).toEqual([
      "",
      "num_train_epochs",
      "16",
      "paper",
      "appendix C.1",
    ]);
    expect(line("kl_coef")?.split(/\s{2,}/)).toEqual(["", "kl_coef", "0.02", "paper", "appendix C.4"]);
    expect(line("lam")).toContain("our choice");
    expect(line("save_steps")).toContain("default");
  });

  it("names the nearest preset", async () => {
    await expect(describePreset(registry, "instructgpt1.3b")).rejects.toThrow(
      'preset "instructgpt1.3b" is unknown; did you mean "instructgpt-1.3b"?',
    );
  });
});
