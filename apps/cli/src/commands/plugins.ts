import type { ArtifactKeys, Registry } from "@alignkit/core";
import type { Command } from "commander";
import { pluginOption } from "../options/run-options.js";
import { loadRegistry } from "../plugins.js";
import { addVerb, debugOption, type Session } from "../session.js";
import { formatTable } from "../terminal/format.js";

/** `alignkit plugins`: what the registry holds. */
export function addPlugins(program: Command, { terminal }: Session): void {
  addVerb(program, "plugins", "Lists stages, backends and trackers", [
    "plugins",
    "plugins --plugin ./my-stage.js",
  ])
    .addOption(pluginOption())
    .option(...debugOption)
    .action(async ({ plugin = [] }: { readonly plugin?: readonly string[] }) => {
      const references = plugin.map((use) => ({ use }));
      terminal.stdout.write(describeRegistry(await loadRegistry(references, terminal.workingDirectory)));
    });
}

export function describeRegistry({ plugins }: Registry): string {
  const stages = plugins.flatMap((plugin) => (plugin.stages ?? []).map((stage) => ({ plugin, stage })));
  const backends = plugins.flatMap((plugin) =>
    (plugin.backends ?? []).map((backend) => ({ plugin, backend })),
  );
  const lines = ["Stages\n"];
  for (const { plugin, stage } of stages) {
    const optional =
      Object.keys(stage.optionalConsumes).length === 0 ? "" : listKeys(stage.optionalConsumes, "?");
    const consumes = [listKeys(stage.consumes), optional].filter((part) => part !== "").join(", ");
    lines.push(`  ${stage.name} (plugin ${plugin.name}): ${stage.description}\n`);
    lines.push(
      formatTable(
        [
          ["consumes", consumes || "nothing"],
          ["produces", listKeys(stage.produces) || "nothing"],
        ],
        "    ",
      ),
    );
  }
  lines.push("\nBackends\n");
  lines.push(
    formatTable(
      backends.map(({ plugin, backend }) => [backend.name, `(plugin ${plugin.name})`, backend.description]),
      "  ",
    ),
  );
  const trackers = plugins.flatMap((plugin) =>
    (plugin.trackers ?? []).map((tracker) => [tracker.name, `(plugin ${plugin.name})`, tracker.description]),
  );
  lines.push("\nTrackers (--report-to; metrics.jsonl is always written)\n", formatTable(trackers, "  "));
  return lines.join("");
}

/** `init: policy`; a question mark stands for an input that may be absent. */
function listKeys(keys: ArtifactKeys, mark = ""): string {
  return Object.entries(keys)
    .map(([name, { kind }]) => `${name}${mark}: ${kind}`)
    .join(", ");
}
