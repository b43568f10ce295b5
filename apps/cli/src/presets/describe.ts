/** What `alignkit presets` prints. */
import {
  type PresetOrigin,
  presetConfig,
  type Registry,
  type StageDefinition,
  type StagePreset,
} from "@alignkit/core";
import { configKeys } from "../options/config-keys.js";
import { suggestion } from "../options/nearest-name.js";
import { formatTable } from "../terminal/format.js";
import { UsageError } from "../usage-error.js";

/** What each origin is called beside a value. */
export const originNames: Readonly<Record<PresetOrigin, string>> = {
  paper: "paper",
  code: "its code",
  choice: "our choice",
};

/** Each preset with its stages. */
export function listPresets(registry: Registry): string {
  const rows = presetNames(registry).flatMap((name) =>
    stagesWith(registry, name).map(({ stage, preset }, index) => [
      index === 0 ? name : "",
      stage.name,
      preset.description,
    ]),
  );
  const usage =
    "\nalignkit sft --preset <name>, or in a pipeline file preset: <name>, for all stages or in one.\n" +
    "alignkit presets <name> shows every value, and whether paper or code give it or it is our choice.\n";
  return formatTable(rows) + usage;
}

/** A row of a preset's table. */
export interface PresetRow {
  readonly key: string;
  readonly value: unknown;
  /** Who gives the value; "default" where the preset says nothing. */
  readonly origin: string;
  readonly source: string;
}

/** Every key of the stage's config with the value that it has under the preset. */
export async function presetRows(stage: StageDefinition, preset: StagePreset): Promise<readonly PresetRow[]> {
  const result = await stage.config["~standard"].validate(presetConfig(preset));
  if (result.issues !== undefined) {
    throw new UsageError(`${stage.name}: ${result.issues.map(({ message }) => message).join("; ")}`);
  }
  const values = result.value as Readonly<Record<string, unknown>>;
  const descriptions = new Map(configKeys(stage.config).map(({ name, description }) => [name, description]));
  const given = Object.entries(preset.values).map(([key, entry]) => ({
    key,
    value: values[key],
    origin: entry === undefined ? "default" : originNames[entry.origin],
    source: entry?.source ?? "",
  }));
  const others = Object.keys(values)
    .filter((key) => preset.values[key] === undefined)
    .map((key) => ({ key, value: values[key], origin: "default", source: descriptions.get(key) ?? "" }));
  return [...given, ...others];
}

/** @throws {UsageError} when no stage has the preset */
export async function describePreset(registry: Registry, name: string): Promise<string> {
  const stages = stagesWith(registry, name);
  if (stages.length === 0) {
    throw new UsageError(`preset "${name}" is unknown${suggestion(name, presetNames(registry))}`);
  }
  const parts: string[] = [];
  for (const { stage, preset } of stages) {
    const rows = await presetRows(stage, preset);
    const table = rows.map(({ key, value, origin, source }) => [key, JSON.stringify(value), origin, source]);
    parts.push(`${stage.name}: ${preset.description}\n${formatTable(table, "  ")}`);
    for (const departure of preset.departures ?? []) parts.push(`  departs: ${departure}\n`);
    parts.push("\n");
  }
  return parts.join("").trimEnd().concat("\n");
}

/** In the order of the stages, each once. */
export function presetNames({ stages }: Registry): readonly string[] {
  return [...new Set([...stages.values()].flatMap(({ presets = {} }) => Object.keys(presets)))];
}

export function stagesWith(
  { stages }: Registry,
  name: string,
): readonly { readonly stage: StageDefinition; readonly preset: StagePreset }[] {
  return [...stages.values()].flatMap((stage) => {
    const preset = stage.presets?.[name];
    return preset === undefined ? [] : [{ stage, preset }];
  });
}
