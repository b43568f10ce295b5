/** Which format a row has. */
import type { Row } from "../fields.js";
import type { JsonObject } from "../files/row.js";
import { dataErrorAt } from "../origin.js";
import type { Format } from "./format.js";

/**
 * The first format whose columns the row has; columns that are null count only where nothing else fits.
 * @throws {DataError} naming file, line and the columns that are there
 */
export function matchFormat<Record>(
  { value, origin }: Row,
  formats: readonly Format<Record>[],
): Format<Record> {
  const filled = formats.find(({ columns }) => columns.every((column) => (value[column] ?? null) !== null));
  const format = filled ?? formats.find(({ columns }) => columns.every((column) => column in value));
  if (format === undefined) throw dataErrorAt(origin, unknownFormat(value, formats));
  return format;
}

function unknownFormat(value: JsonObject, formats: readonly Format<unknown>[]): string {
  const found = Object.keys(value);
  const near = formats.filter(({ columns }) => columns.some((column) => column in value));
  const [only] = near;
  if (near.length === 1 && only !== undefined) {
    const missing = only.columns.filter((column) => !(column in value));
    const names = missing.map((column) => `"${column}"`).join(" and ");
    return `${names} is missing for ${only.name}; the columns are [${found.join(", ")}]: add it, or rename one`;
  }
  return `the columns are [${found.join(", ")}]; give ${namesOf(formats)}`;
}

/** Names of formats for a message: "a, b or c". */
export function namesOf(formats: readonly Format<unknown>[]): string {
  const names = formats.map(({ name }) => name);
  return names.length === 1
    ? `${names[0]}`
    : `${names.slice(0, -1).join(", ")} or ${names[names.length - 1]}`;
}
