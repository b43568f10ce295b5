/** How a config value is written after a flag. */
import { parse as parseYaml } from "yaml";
import type { ValueSchema } from "./config-keys.js";

/** What a flag accepts, of one alternative. */
interface ValueKind {
  /** `<number>` in the help. */
  readonly valueName: string;
  /** The value, or `undefined` when the text is no such value. */
  parse(text: string, schema: ValueSchema): unknown;
}

const booleans: Readonly<Record<string, boolean>> = { true: true, yes: true, false: false, no: false };

const structured: ValueKind = {
  valueName: "yaml",
  parse(text, { type }) {
    const value = readYaml(text);
    const isArray = Array.isArray(value);
    const isObject = typeof value === "object" && value !== null && !isArray;
    return type === "object"
      ? isObject
        ? value
        : undefined
      : type === "array" && !isArray
        ? undefined
        : value;
  },
};

/** In the order in which they are tried: a text that could be a number is one, where numbers are allowed. */
const kinds: Readonly<Record<string, ValueKind>> = {
  null: { valueName: "none", parse: (text) => (text === "null" || text === "none" ? null : undefined) },
  boolean: { valueName: "true|false", parse: (text) => booleans[text] },
  integer: { valueName: "integer", parse: (text) => (isInteger(text) ? Number(text) : undefined) },
  number: { valueName: "number", parse: (text) => (isNumber(text) ? Number(text) : undefined) },
  choice: {
    valueName: "name",
    parse: (text, { enum: names, const: only }) => (names ?? [only]).find((name) => String(name) === text),
  },
  string: { valueName: "text", parse: (text) => text },
  object: structured,
  array: structured,
  any: structured,
};
const order = Object.keys(kinds);

const isNumber = (text: string) => text.trim() !== "" && Number.isFinite(Number(text));
const isInteger = (text: string) => isNumber(text) && Number.isSafeInteger(Number(text));

export const isNullable = (alternatives: readonly ValueSchema[]) =>
  alternatives.some((one) => kindOf(one) === "null");

/** `number`, `integer|text`, `name`. */
export function valueNameOf(alternatives: readonly ValueSchema[]): string {
  const names = sorted(alternatives).map((one) => (kinds[kindOf(one)] as ValueKind).valueName);
  return [...new Set(names.filter((name) => name !== "none"))].join("|") || "none";
}

/** The values to choose from, where they are listed. */
export function choicesOf(alternatives: readonly ValueSchema[]): readonly string[] {
  return alternatives
    .flatMap(({ enum: names, const: only }) => names ?? (only === undefined ? [] : [only]))
    .map(String);
}

/** A value of the first alternative that the text fits; `undefined` when it fits none. */
export function parseFlagValue(text: string, alternatives: readonly ValueSchema[]): unknown {
  for (const alternative of sorted(alternatives)) {
    const value = (kinds[kindOf(alternative)] as ValueKind).parse(text, alternative);
    if (value !== undefined) return value;
  }
  return undefined;
}

function sorted(alternatives: readonly ValueSchema[]): readonly ValueSchema[] {
  return [...alternatives].sort((a, b) => order.indexOf(kindOf(a)) - order.indexOf(kindOf(b)));
}

function kindOf({ type, enum: names, const: only }: ValueSchema): string {
  if (names !== undefined || only !== undefined) return "choice";
  return typeof type === "string" && type in kinds ? type : "any";
}

function readYaml(text: string): unknown {
  try {
    return parseYaml(text);
  } catch {
    return undefined;
  }
}
