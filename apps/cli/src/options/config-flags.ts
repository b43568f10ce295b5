/** Flags for the keys of a config: `--learning-rate` for `learning_rate`. */
import { InvalidArgumentError, Option } from "commander";
import type { ConfigKey, ValueSchema } from "./config-keys.js";
import { choicesOf, isNullable, parseFlagValue, valueNameOf } from "./flag-value.js";

/** `learning_rate` and `learningRate` become `learning-rate`. */
export function dashed(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();
}

/** Stands for null among commander's values, because commander takes null for an empty text. */
const nothing = Symbol("none");

/** A value as the config has it, from one of commander's. */
export const configValue = (value: unknown): unknown => (value === nothing ? null : value);

/** The options of one key; a boolean has `--no-...`, too. */
export function configOptions(key: ConfigKey): readonly Option[] {
  const flag = `--${dashed(key.name)}`;
  const description = describe(key);
  const types = key.alternatives.map((one) => one.type);
  if (types.every((type) => type === "boolean" || type === "null") && types.includes("boolean")) {
    return [
      new Option(`${flag} [true|false]`, description).argParser((text) => parse(text, key)),
      new Option(`--no-${dashed(key.name)}`).hideHelp(),
    ];
  }
  const list = listItem(key.alternatives);
  if (list !== undefined) {
    return [
      new Option(`${flag} <${fileOr(key, valueNameOf([list]))}...>`, description).argParser(
        (text, before: unknown) => [
          ...(Array.isArray(before) ? before : []),
          parse(text, { ...key, alternatives: [list] }),
        ],
      ),
    ];
  }
  return [
    new Option(`${flag} <${fileOr(key, valueNameOf(key.alternatives))}>`, description).argParser((text) =>
      parse(text, key),
    ),
  ];
}

function parse(text: string, { alternatives }: ConfigKey): unknown {
  const value = parseFlagValue(text, alternatives);
  if (value === undefined) {
    const nothing = isNullable(alternatives) ? " or none" : "";
    const wanted = choicesOf(alternatives).join(", ") || `<${valueNameOf(alternatives)}>`;
    const example = wanted === "<yaml>" ? ", such as '{key: value}'," : "";
    throw new InvalidArgumentError(`Give ${wanted}${example}${nothing}.`);
  }
  return value ?? nothing;
}

/** Names tell what the schema does not: a text is a path in `train_files`. */
function fileOr({ name }: ConfigKey, valueName: string): string {
  return valueName === "text" && /(^|_)files?$/.test(name) ? "file" : valueName;
}

/** What a list holds, when the key may be a list of plain values. */
function listItem(alternatives: readonly ValueSchema[]): ValueSchema | undefined {
  const item = alternatives.find((one) => one.type === "array")?.items;
  return item?.type === "string" || item?.type === "number" || item?.type === "integer" ? item : undefined;
}

function describe({ description, default: byDefault, isRequired, alternatives }: ConfigKey): string {
  const choices = choicesOf(alternatives).join(", ");
  const notes = choices === "" ? [] : [`choices: ${choices}`];
  if (isRequired) notes.push("required");
  else if (byDefault === null || (byDefault === undefined && isNullable(alternatives)))
    notes.push("default: none");
  else if (byDefault !== undefined) notes.push(`default: ${plain(byDefault)}`);
  return [description, notes.length === 0 ? "" : `(${notes.join("; ")})`]
    .filter((part) => part !== "")
    .join(" ");
}

const plain = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
