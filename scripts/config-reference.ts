/**
 * Writes docs/guide/configuration.md from the schemas of the stages.
 *
 *   node --conditions=@alignkit/source --import tsx scripts/config-reference.ts
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ppoConfig } from "@alignkit/ppo";
import { rewardConfig } from "@alignkit/reward";
import { pretrainConfig, sftConfig } from "@alignkit/sft";
import type { z } from "zod";
import { type ConfigKey, configKeys, type ValueSchema } from "../apps/cli/src/options/config-keys.js";

export const configurationPage = fileURLToPath(new URL("../docs/guide/configuration.md", import.meta.url));

const stages: Readonly<Record<string, z.ZodType<Readonly<Record<string, unknown>>>>> = {
  pretrain: pretrainConfig,
  sft: sftConfig,
  reward: rewardConfig,
  ppo: ppoConfig,
};

const introduction = `---
title: Configuration
group: Guide
---
# Configuration

<!-- Written by scripts/config-reference.ts; change the schemas, then run it. -->

Keys of the stages, as in a pipeline file (\`config:\`), in a file after \`--config\`, or as flags: \`learning_rate\` is \`--learning-rate\`. Flags are stronger than files. An unknown key is an error. "Paper" is Ouyang et al. 2022; names are those of transformers' \`TrainingArguments\` and TRL.

What is about the run and not about a stage: \`--backend\`, \`--seed\`, \`--output-dir\`, \`--plugin\`, \`--preset\`, \`--report-to\`, \`--resume\`, \`--dry-run\`; the first six also stand in files, as \`backend\`, \`seed\`, \`output_dir\`, \`plugins\`, \`preset\`, \`report_to\`. A [tracker](trackers.md) sends metrics elsewhere; a [preset](presets.md) gives the settings of a paper, and keys that are given are stronger.
`;

/** The whole page. */
export function writeConfigurationPage(): string {
  const sections = Object.entries(stages).map(([name, schema]) => {
    const defaults = schema.parse({});
    const rows = configKeys(schema)
      .map((key) => describeKey(key, defaults[key.name]))
      .join("\n");
    return `## ${name}\n\n| key | type | default | meaning |\n|---|---|---|---|\n${rows}\n`;
  });
  return [introduction, ...sections].join("\n");
}

function describeKey({ name, alternatives, description }: ConfigKey, value: unknown): string {
  const types = [...new Set(alternatives.map(describeType))].join(" or ");
  return `| ${code(name)} | ${types} | ${code(JSON.stringify(value))} | ${cell(description)} |`;
}

function describeType(schema: ValueSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => code(String(value))).join(", ");
  if (schema.const !== undefined) return code(String(schema.const));
  if (schema.type === "array")
    return `list of ${schema.items === undefined ? "values" : describeType(schema.items)}`;
  if (schema.type === "object") return "mapping";
  return String(schema.type ?? "any");
}

const code = (text: string): string => `\`${cell(text)}\``;
const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(configurationPage, writeConfigurationPage());
