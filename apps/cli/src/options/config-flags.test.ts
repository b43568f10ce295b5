import { Command } from "commander";
import { expect, it } from "vitest";
import { z } from "zod";
import { configOptions, configValue, dashed } from "./config-flags.js";
import { configKeys } from "./config-keys.js";

const files = z.union([z.string(), z.array(z.string())]).transform((given) => [given].flat());
const schema = z.strictObject({
  learning_rate: z.number().default(1e-5).describe("Peak rate"),
  max_steps: z.int().nullable().default(null),
  train_files: files.nullable().default(null),
  kind: z.enum(["linear", "cosine"]).default("cosine"),
  shuffle: z.boolean().default(true),
  model: z.record(z.string(), z.unknown()).nullable().default(null),
  target: z.union([z.number(), z.literal("auto")]),
});

function parse(...argv: readonly string[]): Record<string, unknown> {
  const command = new Command().exitOverride().configureOutput({ writeErr() {} });
  for (const key of configKeys(schema)) {
    for (const option of configOptions(key)) command.addOption(option);
  }
  command.parse(argv, { from: "user" });
  return Object.fromEntries(
    Object.entries(command.opts()).map(([name, value]) => [name, configValue(value)]),
  );
}

it("makes values of the kinds that the schema allows", () => {
  expect(parse("--learning-rate", "3e-4", "--max-steps", "12", "--kind", "linear")).toMatchObject({
    learningRate: 3e-4,
    maxSteps: 12,
    kind: "linear",
  });
  expect(parse("--train-files", "a.jsonl", "b.jsonl")).toMatchObject({ trainFiles: ["a.jsonl", "b.jsonl"] });
  expect(parse("--model", "{ n_embd: 8 }", "--max-steps", "none")).toMatchObject({
    model: { n_embd: 8 },
    maxSteps: null,
  });
  expect(parse("--target", "auto")).toMatchObject({ target: "auto" });
  expect(parse("--target", "6")).toMatchObject({ target: 6 });
});

it("takes a boolean in every way of writing it", () => {
  expect(parse("--shuffle")).toMatchObject({ shuffle: true });
  expect(parse("--shuffle", "true")).toMatchObject({ shuffle: true });
  expect(parse("--shuffle", "false")).toMatchObject({ shuffle: false });
  expect(parse("--no-shuffle")).toMatchObject({ shuffle: false });
});

it("refuses what the schema does not allow, and says what it does", () => {
  expect(() => parse("--learning-rate", "fast")).toThrow("Give <number>.");
  expect(() => parse("--max-steps", "1.5")).toThrow("Give <integer> or none.");
  expect(() => parse("--kind", "square")).toThrow("Give linear, cosine.");
  expect(() => parse("--model", "base")).toThrow("Give <yaml>, such as '{key: value}', or none.");
  expect(() => parse("--shuffle", "maybe")).toThrow("Give <true|false>.");
});

it("describes each key with its default", () => {
  const [rate, steps, trainFiles, kind] = configKeys(schema).map((key) => configOptions(key)[0]);
  expect([rate?.flags, rate?.description]).toEqual([
    "--learning-rate <number>",
    "Peak rate (default: 0.00001)",
  ]);
  expect([steps?.flags, steps?.description]).toEqual(["--max-steps <integer>", "(default: none)"]);
  expect(trainFiles?.flags).toBe("--train-files <file...>");
  expect(kind?.description).toBe("(choices: linear, cosine; default: cosine)");
});

it("writes names with dashes", () => {
  expect(dashed("per_device_train_batch_size")).toBe("per-device-train-batch-size");
  expect(dashed("rewardModel")).toBe("reward-model");
});
