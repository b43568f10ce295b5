import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { ArtifactKey } from "./artifacts.js";
import { WiringError } from "./errors.js";
import { presetConfig } from "./preset.js";
import { listNames, type Registry } from "./registry.js";
import type { StageDefinition } from "./stage.js";

/** Stages in the order in which they run. */
export interface Pipeline {
  /** Settings of every stage that has them under this name, and names none of its own. */
  readonly preset?: string | undefined;
  readonly stages: readonly PipelineStage[];
}

/** One stage of a pipeline, as it is written. */
export interface PipelineStage {
  /** Name of the stage in the registry. */
  readonly use: string;
  /** Name in this pipeline, the same by default; needed when a stage is used twice. */
  readonly as?: string | undefined;
  /** Settings that go by a name; keys of the config are stronger. */
  readonly preset?: string | undefined;
  /** Checked by the stage's schema, which fills in defaults. */
  readonly config?: unknown;
  /** Where inputs come from, when not from the default. */
  readonly inputs?: Readonly<Record<string, InputReference>> | undefined;
}

/** `"pretrain.policy"`, an output of an earlier stage; or a path, relative to the pipeline file. */
export type InputReference = string | { readonly path: string };

/** A pipeline in which everything fits. */
export interface WiredPipeline {
  readonly stages: readonly WiredStage[];
}

/** A stage whose config is checked and whose inputs are found. */
export interface WiredStage {
  readonly name: string;
  readonly definition: StageDefinition;
  /** The preset that filled in the config, its own or the pipeline's. */
  readonly preset: string | undefined;
  /** Output of the schema. */
  readonly config: unknown;
  /** By input name; optional inputs that were not given are absent. */
  readonly inputs: Readonly<Record<string, InputSource>>;
}

/** Where an input comes from. Paths are absolute. */
export type InputSource = { readonly stage: string; readonly output: string } | { readonly path: string };

/** Where the pipeline was written. */
export interface WiringOptions {
  /** Where relative paths start. */
  readonly baseDirectory: string;
  /** Where a key of a stage's config stands, if in a file: `pipeline.yaml:12`. */
  readonly placeOf?: ((stage: number, path: readonly (string | number)[]) => string | undefined) | undefined;
}

/** Names of stages name folders and stand before the dot of a reference. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

/**
 * Connects the stages and checks their configs, before any work.
 *
 * The rule: a required input takes the nearest earlier output of its kind (of several in one stage, the one that bears its
 * name), and an optional input the nearest one of its kind that bears its name.
 * @throws {WiringError} which names everything that is wrong at once; `details.problems` holds the lines
 */
export async function checkWiring(
  registry: Registry,
  pipeline: Pipeline,
  options: WiringOptions,
): Promise<WiredPipeline> {
  const problems: string[] = [];
  const wired: WiredStage[] = [];
  /** Every name that the pipeline uses, to tell a later stage from none. */
  const names = pipeline.stages.map((stage) => stage.as ?? stage.use);
  if (names.length === 0) problems.push("the pipeline has no stages");
  checkCommonPreset(registry, pipeline, problems);
  for (const [index, stage] of pipeline.stages.entries()) {
    const name = names[index] as string;
    if (!namePattern.test(name))
      problems.push(`${name}: a stage's name must match ${namePattern}; it names a folder`);
    if (names.indexOf(name) < index)
      problems.push(`${name}: two stages bear this name; give one another with "as"`);
    const definition = registry.stages.get(stage.use);
    if (definition === undefined) {
      problems.push(`${name}: stage "${stage.use}" is unknown; known: ${listNames(registry.stages.keys())}`);
      continue;
    }
    const preset = presetOf(name, definition, stage.preset, pipeline.preset, problems);
    const given = withPreset(definition, preset, stage.config) ?? {};
    const placeOf = (path: readonly (string | number)[]) => options.placeOf?.(index, path);
    const config = await checkConfig({ name, definition, given, placeOf, problems });
    const earlier = [...wired];
    const wiring = {
      name,
      definition,
      references: stage.inputs ?? {},
      earlier,
      complete: wired.length === index,
      names,
      problems,
    };
    wired.push({ name, definition, preset, config, inputs: wireInputs(wiring, options.baseDirectory) });
  }
  if (problems.length > 0) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    throw new WiringError(`pipeline: ${count}${problems.map((line) => `\n- ${line}`).join("")}`, {
      details: { problems },
    });
  }
  return { stages: wired };
}

/** A pipeline's preset must be one of a stage's: one that nobody has would change nothing in silence. */
function checkCommonPreset(registry: Registry, { preset, stages }: Pipeline, problems: string[]): void {
  if (preset === undefined) return;
  const known = stages.flatMap(({ use }) => Object.keys(registry.stages.get(use)?.presets ?? {}));
  if (known.includes(preset)) return;
  problems.push(`preset "${preset}": no stage of the pipeline has it; known: ${listNames(new Set(known))}`);
}

/** The preset that fills in a stage's config, its own or else the pipeline's if the stage has it. */
function presetOf(
  name: string,
  { presets = {} }: StageDefinition,
  own: string | undefined,
  common: string | undefined,
  problems: string[],
): string | undefined {
  if (own === undefined) return common !== undefined && Object.hasOwn(presets, common) ? common : undefined;
  if (Object.hasOwn(presets, own)) return own;
  problems.push(`${name}.preset: "${own}" is unknown; known: ${listNames(Object.keys(presets))}`);
  return undefined;
}

/** The keys of the config stand before those of the preset. What is no mapping is for the schema to refuse. */
function withPreset({ presets = {} }: StageDefinition, name: string | undefined, config: unknown): unknown {
  const preset = name === undefined ? undefined : presets[name];
  if (preset === undefined || typeof (config ?? {}) !== "object" || Array.isArray(config)) return config;
  return { ...presetConfig(preset), ...(config as object | null | undefined) };
}

interface GivenConfig {
  readonly name: string;
  readonly definition: StageDefinition;
  readonly given: unknown;
  placeOf(path: readonly (string | number)[]): string | undefined;
  readonly problems: string[];
}

async function checkConfig({ name, definition, given, placeOf, problems }: GivenConfig): Promise<unknown> {
  const result = await definition.config["~standard"].validate(given);
  if (result.issues === undefined) return result.value;
  for (const issue of result.issues) {
    const path = pathOf(issue);
    const place = placeOf(path);
    const key = [name, "config", ...path].join(".");
    problems.push(
      `${place === undefined ? "" : `${place}: `}${key}${shownValue(given, path)}: ${issue.message}`,
    );
  }
  return undefined;
}

function pathOf({ path = [] }: StandardSchemaV1.Issue): (string | number)[] {
  const keys = path.map((segment) => (typeof segment === "object" ? segment.key : segment));
  return keys.map((key) => (typeof key === "number" ? key : String(key)));
}

/** ` (-1)`; nothing of what is not there, or holds other keys. */
function shownValue(config: unknown, path: readonly (string | number)[]): string {
  let value = config;
  for (const key of path) value = (value as Readonly<Record<string | number, unknown>> | undefined)?.[key];
  if (value === undefined || (typeof value === "object" && value !== null && !Array.isArray(value)))
    return "";
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "");
  return ` (${text.length > 60 ? `${text.slice(0, 57)}...` : text})`;
}

interface Wiring {
  readonly name: string;
  readonly definition: StageDefinition;
  readonly references: Readonly<Record<string, InputReference>>;
  /** Stages before this one that are known. */
  readonly earlier: readonly WiredStage[];
  /** Whether those are all; an unknown one is named already, and might have produced what is missing. */
  readonly complete: boolean;
  readonly names: readonly string[];
  readonly problems: string[];
}

function wireInputs(wiring: Wiring, baseDirectory: string): Record<string, InputSource> {
  const { name, definition, references, problems } = wiring;
  const { consumes, optionalConsumes } = definition;
  const keys = { ...optionalConsumes, ...consumes };
  for (const input of Object.keys(references)) {
    if (input in keys) continue;
    problems.push(`${name}.inputs.${input}: there is no such input; inputs: ${listNames(Object.keys(keys))}`);
  }
  const inputs: Record<string, InputSource> = {};
  for (const [input, key] of Object.entries(keys)) {
    const reference = references[input];
    const source =
      reference === undefined
        ? takeDefault(wiring, input, key, input in consumes)
        : typeof reference === "string"
          ? takeOutput(wiring, input, key, reference)
          : takePath(wiring, input, resolve(baseDirectory, reference.path));
    if (source !== undefined) inputs[input] = source;
  }
  return inputs;
}

function takeDefault(
  { name, earlier, complete, problems }: Wiring,
  input: string,
  key: ArtifactKey<unknown>,
  required: boolean,
): InputSource | undefined {
  for (const stage of [...earlier].reverse()) {
    const outputs = outputsOfKind(stage, key.kind);
    if (outputs.includes(input)) return { stage: stage.name, output: input };
    if (!required || outputs.length === 0) continue;
    if (outputs.length === 1) return { stage: stage.name, output: outputs[0] as string };
    const choices = outputs.map((output) => `"${stage.name}.${output}"`).join(" or ");
    problems.push(
      `${name}.${input}: stage "${stage.name}" has several outputs of kind "${key.kind}"; say ${choices}`,
    );
    return undefined;
  }
  if (required && complete) {
    problems.push(
      `${name}.${input}: no earlier stage produces a "${key.kind}"; add one, or give inputs.${input} a path`,
    );
  }
  return undefined;
}

function takeOutput(
  { name, earlier, names, problems }: Wiring,
  input: string,
  key: ArtifactKey<unknown>,
  reference: string,
): InputSource | undefined {
  const place = `${name}.inputs.${input}`;
  const dot = reference.indexOf(".");
  const stageName = reference.slice(0, dot);
  const output = reference.slice(dot + 1);
  if (dot < 1 || output === "") {
    problems.push(
      `${place}: "${reference}" is not a reference; write "stage.output", or { path: "./directory" }`,
    );
    return undefined;
  }
  const stage = earlier.find((candidate) => candidate.name === stageName);
  if (stage === undefined) {
    const order = names.includes(stageName) ? "does not run before this one" : "is not in the pipeline";
    problems.push(
      `${place}: stage "${stageName}" ${order}; before it: ${listNames(earlier.map((one) => one.name))}`,
    );
    return undefined;
  }
  const produced = stage.definition.produces[output];
  if (produced === undefined) {
    const outputs = listNames(Object.keys(stage.definition.produces));
    problems.push(`${place}: stage "${stageName}" has no output "${output}"; outputs: ${outputs}`);
    return undefined;
  }
  if (produced.kind !== key.kind) {
    problems.push(`${place}: "${reference}" is a "${produced.kind}", the input takes a "${key.kind}"`);
    return undefined;
  }
  return { stage: stageName, output };
}

function takePath({ name, problems }: Wiring, input: string, path: string): InputSource {
  if (!existsSync(path)) problems.push(`${name}.inputs.${input}: nothing is at ${path}`);
  return { path };
}

function outputsOfKind(stage: WiredStage, kind: string): string[] {
  return Object.entries(stage.definition.produces).flatMap(([output, key]) =>
    key.kind === kind ? [output] : [],
  );
}
