/**
 * Writes docs/guide/presets.md from the presets of the stages.
 *
 *   node --conditions=@alignkit/source --import tsx scripts/presets-reference.ts
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createRegistry } from "@alignkit/core";
import { ppo } from "@alignkit/ppo";
import { reward } from "@alignkit/reward";
import { sft } from "@alignkit/sft";
import { presetNames, presetRows, stagesWith } from "../apps/cli/src/presets/describe.js";

export const presetsPage = fileURLToPath(new URL("../docs/guide/presets.md", import.meta.url));

const introduction = `---
title: Presets
group: Guide
---
# Presets

<!-- Written by scripts/presets-reference.ts; change the presets of the stages, then run it. -->

Settings of a paper under a name: \`alignkit sft --preset instructgpt-1.3b --model base --train-files demonstrations.jsonl\`. Keys that are given, in a file or as flags, are stronger than the preset. In a pipeline file \`preset:\` stands at the top for every stage that has it, or in one stage:

\`\`\`yaml
preset: instructgpt-1.3b
stages:
  - use: sft                       # the baseline of appendix C.1
    as: baseline
    inputs: { init: { path: gpt3 } }
    config: { train_files: demonstrations.jsonl }
  - use: sft                       # where PPO starts, appendix C.3
    as: initializer
    preset: instructgpt-1.3b-init
    inputs: { init: { path: gpt3 } }
    config: { train_files: demonstrations.jsonl, pretrain_files: texts.jsonl }
  - use: reward
    inputs: { init: baseline.policy }
    config: { train_files: rankings.jsonl, demonstration_files: demonstrations.jsonl }
  - use: ppo
    inputs: { init: initializer.policy, rewardModel: reward.rewardModel }
    config: { prompt_files: prompts.jsonl, ptx_files: texts.jsonl }
\`\`\`

\`alignkit presets\` lists them, \`alignkit presets <name>\` shows every value, and \`--dry-run\` what a run would use. Each value says who gives it: **paper** (with the section), **its code** (with the file), or **our choice** (with the reason) where neither speaks. The config of a run directory holds the name and every value.

A stage of a plugin has presets when its definition has them: \`presets: { name: { description, values: { learning_rate: fromPaper(1e-5, "table 2") } } }\`, with \`fromPaper\`, \`fromCode\` and \`ownChoice\` from \`@alignkit/core\`.
`;

/** The whole page. */
export async function writePresetsPage(): Promise<string> {
  const registry = createRegistry([sft(), reward(), ppo()]);
  const sections: string[] = [introduction];
  for (const name of presetNames(registry)) {
    sections.push(`## ${name}\n`);
    for (const { stage, preset } of stagesWith(registry, name)) {
      const rows = (await presetRows(stage, preset)).filter(({ origin }) => origin !== "default");
      const lines = rows.map(
        ({ key, value, origin, source }) =>
          `| \`${key}\` | \`${JSON.stringify(value)}\` | ${origin} | ${source} |`,
      );
      const departures = (preset.departures ?? []).map((departure) => `- departs: ${departure}`);
      sections.push(`### ${name}: ${stage.name}\n\n${capitalized(preset.description)}.\n`);
      if (departures.length > 0) sections.push(`${departures.join("\n")}\n`);
      sections.push(`| key | value | given by | where, or why |\n|---|---|---|---|\n${lines.join("\n")}\n`);
    }
  }
  return sections.join("\n");
}

const capitalized = (text: string) => text[0]?.toUpperCase() + text.slice(1);

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(presetsPage, await writePresetsPage());
