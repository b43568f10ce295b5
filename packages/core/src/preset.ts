/**
 * Where a value of a preset comes from: printed in the paper that the preset is named after, read in its published code,
 * or chosen here because neither says.
 */
export type PresetOrigin = "paper" | "code" | "choice";

/** A value of a preset, and who gives it. */
export interface PresetValue<Value = unknown> {
  readonly value: Value;
  readonly origin: PresetOrigin;
  /** The section or table, the file of the code, or the reason for the choice. */
  readonly source: string;
}

/** Settings of one stage under a name: each value beside where it comes from. Keys of the config and flags are stronger. */
export interface StagePreset<Config = Readonly<Record<string, unknown>>> {
  /** What the settings reproduce: the model, and the paper with its year. */
  readonly description: string;
  readonly values: { readonly [Key in keyof Config]?: PresetValue<Config[Key]> };
  /** What the paper did and no key can say, a line each. */
  readonly departures?: readonly string[];
}

/** The presets of a stage by name. @typeParam Config - what the schema takes */
export type StagePresets<Config = Readonly<Record<string, unknown>>> = Readonly<
  Record<string, StagePreset<Config>>
>;

/** @param section - or table or equation of the paper */
export const fromPaper = <const Value>(value: Value, section: string): PresetValue<Value> => ({
  value,
  origin: "paper",
  source: section,
});

/** @param place - file, and name in it */
export const fromCode = <const Value>(value: Value, place: string): PresetValue<Value> => ({
  value,
  origin: "code",
  source: place,
});

/** @param reason - why this value, where the paper and its code say nothing */
export const ownChoice = <const Value>(value: Value, reason: string): PresetValue<Value> => ({
  value,
  origin: "choice",
  source: reason,
});

/** The values of another preset, of which that one is the source. @param name - of that preset */
export function valuesOf<Values extends Readonly<Record<string, PresetValue>>>(
  name: string,
  values: Values,
): { readonly [Key in keyof Values]: PresetValue<Values[Key]["value"]> } {
  const copies = Object.entries(values).map(([key, { value }]) => [key, ownChoice(value, `as in ${name}`)]);
  return Object.fromEntries(copies) as { readonly [Key in keyof Values]: PresetValue<Values[Key]["value"]> };
}

/** The settings as a config. */
export function presetConfig({ values }: StagePreset): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(values).map(([key, given]) => [key, given?.value]));
}
