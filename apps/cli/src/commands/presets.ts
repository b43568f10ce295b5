import type { Command } from "commander";
import { pluginOption } from "../options/run-options.js";
import { addVerb, debugOption, type Session } from "../session.js";

/** `alignkit presets`: which there are; with a name, every value and where it comes from. */
export function addPresets(program: Command, session: Session): void {
  addVerb(program, "presets", "Lists settings of papers, or shows every value of one and its source", [
    "presets",
    "presets instructgpt-1.3b",
    "sft --preset instructgpt-1.3b --model base --train-files demonstrations.jsonl --dry-run",
  ])
    .argument("[name]", "the preset to show")
    .addOption(pluginOption())
    .option(...debugOption)
    .action(async (name: string | undefined, { plugin = [] }: { readonly plugin?: readonly string[] }) => {
      const { loadRegistry } = await import("../plugins.js");
      const { describePreset, listPresets } = await import("../presets/describe.js");
      const { workingDirectory, stdout } = session.terminal;
      const registry = await loadRegistry(
        plugin.map((use) => ({ use })),
        workingDirectory,
      );
      stdout.write(name === undefined ? listPresets(registry) : await describePreset(registry, name));
    });
}
