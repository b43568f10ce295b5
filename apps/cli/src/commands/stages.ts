import type { Command } from "commander";
import { builtInPlugins, loadRegistry } from "../plugins.js";
import { addVerb, type Session } from "../session.js";

/**
 * A verb for each stage: alignkit's own, and those of plugins named on the command line.
 *
 * Only the plugin of the verb that is called is loaded; of the others the description is enough.
 */
export async function addStages(program: Command, session: Session): Promise<void> {
  const { argv, terminal } = session;
  const plugins = pluginsOf(argv);
  const called = calledVerbs(argv);
  const reserved = new Set(program.commands.map((command) => command.name()));
  for (const { load, stages } of builtInPlugins) {
    const plugin = Object.keys(stages).some((name) => called.includes(name)) ? await load() : undefined;
    for (const [name, description] of Object.entries(stages)) {
      const stage = called.includes(name) ? plugin?.stages?.find((one) => one.name === name) : undefined;
      if (stage === undefined) addVerb(program, name, description, []);
      else (await import("./stage.js")).addStage(program, session, stage);
      reserved.add(name);
    }
  }
  if (plugins.length === 0) return;
  const registry = await loadRegistry(
    plugins.map((use) => ({ use })),
    terminal.workingDirectory,
  );
  const { addStage } = await import("./stage.js");
  for (const stage of registry.stages.values()) {
    // One that bears the name of a command can be used in a pipeline.
    if (!reserved.has(stage.name)) addStage(program, session, stage);
  }
}

/** Values of `--plugin`, which must be known before the verbs are. */
function pluginsOf(argv: readonly string[]): readonly string[] {
  return argv.flatMap((argument, index) => {
    if (argument === "--plugin") return argv[index + 1] ?? [];
    return argument.startsWith("--plugin=") ? argument.slice("--plugin=".length) : [];
  });
}

/** The first arguments that are no options: the verb, or `help` and the verb. */
function calledVerbs(argv: readonly string[]): readonly string[] {
  const words = argv.filter((argument, index) => !argument.startsWith("-") && argv[index - 1] !== "--plugin");
  return words[0] === "help" ? words.slice(0, 2) : words.slice(0, 1);
}
