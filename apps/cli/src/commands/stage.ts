import type { Pipeline, StageDefinition } from "@alignkit/core";
import { type Command, Option } from "commander";
import { configOptions, configValue, dashed } from "../options/config-flags.js";
import { type ConfigKey, configKeys } from "../options/config-keys.js";
import { addRunOptions, type RunFlags } from "../options/run-options.js";
import { addVerb, type Session } from "../session.js";
import { exampleOf } from "./stage-examples.js";

/** A verb made of a stage's definition: a flag for each key of its config and for each input. */
export function addStage(program: Command, session: Session, stage: StageDefinition): void {
  const command = addVerb(program, stage.name, stage.description, exampleOf(stage));
  addRunOptions(
    command.option("--config <file>", "YAML with config keys; flags are stronger"),
    `runs/${stage.name}`,
  );
  command.optionsGroup("Inputs (directories; made by other stages, or yours):");
  const taken = new Set(command.options.map((option) => option.long));
  const stageKeys = configKeys(stage.config);
  const options = stageKeys.map((key) => ({ key, options: configOptions(key) }));
  const flags = {
    inputs: addInputOptions(
      command,
      stage,
      new Set([...taken, ...options.map(({ key }) => `--${dashed(key.name)}`)]),
    ),
    keys: new Map<string, ConfigKey>(),
  };
  command.optionsGroup("Config:");
  for (const { key, options: ofKey } of options) {
    // A flag of the run is the stronger one; such a key can be given in the file.
    if (taken.has(ofKey[0]?.long)) continue;
    for (const option of ofKey) {
      command.addOption(option);
      flags.keys.set(option.attributeName(), key);
    }
  }
  command.action(async () => {
    const given = givenOptions(command);
    const pick = (names: ReadonlyMap<string, unknown>) =>
      [...given].filter(([attribute]) => names.has(attribute));
    const config = pick(flags.keys).map(([attribute, value]) => [
      flags.keys.get(attribute)?.name,
      configValue(value),
    ]);
    const inputs = pick(flags.inputs).map(([attribute, value]) => [
      flags.inputs.get(attribute),
      { path: value },
    ]);
    const { runStageVerb } = await import("../run/stage-verb.js");
    await runStageVerb(session, {
      stage,
      keys: stageKeys,
      config: Object.fromEntries(config),
      inputs: Object.fromEntries(inputs) as NonNullable<Pipeline["stages"][number]["inputs"]>,
      flags: command.opts<RunFlags & { readonly config?: string }>(),
    });
  });
}

function addInputOptions(
  command: Command,
  stage: StageDefinition,
  taken: Set<string | undefined>,
): Map<string, string> {
  const inputs = new Map<string, string>();
  const add = (flag: string, input: string, description: string, isHidden = false) => {
    const option = new Option(`${flag} <directory>`, description);
    command.addOption(isHidden ? option.hideHelp() : option);
    inputs.set(option.attributeName(), input);
    taken.add(flag);
  };
  const all = { ...stage.consumes, ...stage.optionalConsumes };
  for (const [input, { description }] of Object.entries(all)) {
    const flag = `--${dashed(input)}`;
    const isRequired = input in stage.consumes;
    add(
      taken.has(flag) ? `--input-${dashed(input)}` : flag,
      input,
      description + (isRequired ? " (required)" : ""),
    );
  }
  const [first] = Object.entries(stage.consumes);
  if (first === undefined) return inputs;
  const [input, { kind }] = first;
  if (!taken.has("--model")) add("--model", input, `the same as --${dashed(input)}`);
  // What it is called where it was made: `--policy`, `--reward-model`.
  if (!taken.has(`--${dashed(kind)}`)) add(`--${dashed(kind)}`, input, "", true);
  return inputs;
}

/** Values that stand on the command line. */
function givenOptions(command: Command): ReadonlyMap<string, unknown> {
  const entries = Object.entries(command.opts());
  return new Map(entries.filter(([attribute]) => command.getOptionValueSource(attribute) === "cli"));
}
