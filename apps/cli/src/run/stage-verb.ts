/** A stage on its own is a pipeline of one stage. */
import { resolve } from "node:path";
import { ConfigError, type PipelineStage, type StageDefinition } from "@alignkit/core";
import { dashed } from "../options/config-flags.js";
import type { ConfigKey } from "../options/config-keys.js";
import type { RunFlags } from "../options/run-options.js";
import { checkKeys, requireObject, runKeys, runSettings } from "../options/run-settings.js";
import { readYamlFile, type YamlFile } from "../options/yaml-file.js";
import { loadRegistry } from "../plugins.js";
import type { Session } from "../session.js";
import { UsageError } from "../usage-error.js";
import { runInTerminal } from "./run-in-terminal.js";

type Inputs = NonNullable<PipelineStage["inputs"]>;

export interface StageVerb {
  readonly stage: StageDefinition;
  readonly keys: readonly ConfigKey[];
  /** From flags. */
  readonly config: Readonly<Record<string, unknown>>;
  /** From flags. */
  readonly inputs: Inputs;
  readonly flags: RunFlags & { readonly config?: string };
}

/** Paths start at the working directory, in flags and in the file. */
export async function runStageVerb(session: Session, verb: StageVerb): Promise<void> {
  const { stage, keys, flags } = verb;
  const { workingDirectory } = session.terminal;
  const path = flags.config;
  const file = path === undefined ? undefined : await readYamlFile(resolve(workingDirectory, path), path);
  if (file !== undefined && keys.length > 0) {
    checkKeys(file, [], [...keys.map((key) => key.name), ...runKeys, "inputs"]);
  }
  const settings = runSettings(flags, file);
  const own = Object.entries(requireObject(file, [])).filter(
    ([key]) => key !== "inputs" && !runKeys.some((name) => name === key),
  );
  const fromFlags = (flags.plugin ?? []).map((use) => ({ use }));
  const pipelineStage: PipelineStage = {
    use: stage.name,
    preset: settings.preset,
    config: { ...Object.fromEntries(own), ...verb.config },
    inputs: { ...inputsOfFile(file, stage), ...verb.inputs },
  };
  requireInputs(stage, pipelineStage.inputs ?? {});
  await runInTerminal(session, {
    ...settings,
    ...flags,
    pipeline: { stages: [pipelineStage] },
    registry: await loadRegistry([...settings.plugins, ...fromFlags], workingDirectory),
    baseDirectory: workingDirectory,
    placeOf: (_, path) =>
      file === undefined || (path[0] ?? "") in verb.config ? undefined : file.place(path),
    backend: settings.backend,
    seed: settings.seed,
    trackers: settings.trackers,
    runDirectory: resolve(workingDirectory, settings.outputDirectory ?? `runs/${stage.name}`),
  });
}

/** @throws {UsageError} naming the flags of the inputs that are missing: no earlier stage can make them */
function requireInputs({ name, consumes }: StageDefinition, inputs: Inputs): void {
  const missing = Object.entries(consumes).filter(([input]) => inputs[input] === undefined);
  if (missing.length === 0) return;
  const flags = missing.map(([input, { description }]) => `--${dashed(input)} <directory> (${description})`);
  throw new UsageError(`${name} needs ${flags.join(" and ")}; give the flag, or inputs in --config`);
}

/** `inputs: { init: ./base }`; there is no other stage to refer to. */
function inputsOfFile(file: YamlFile | undefined, { consumes, optionalConsumes }: StageDefinition): Inputs {
  if (file === undefined || !("inputs" in requireObject(file, []))) return {};
  checkKeys(file, ["inputs"], Object.keys({ ...consumes, ...optionalConsumes }));
  const entries = Object.entries(requireObject(file, ["inputs"])).map(([input, value]) => {
    const path = typeof value === "string" ? value : (value as { readonly path?: unknown } | null)?.path;
    if (typeof path === "string") return [input, { path }];
    throw new ConfigError(`${file.place(["inputs", input])}: inputs.${input} must be a path`);
  });
  return Object.fromEntries(entries);
}
