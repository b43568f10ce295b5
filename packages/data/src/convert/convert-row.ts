import type { ConversationFormat } from "../conversation.js";
import type { FileRow, JsonObject } from "../files/row.js";
import { parseRow } from "../formats/any.js";
import { dataErrorAt } from "../origin.js";
import { type Example, exampleOf, toConversational, toStandard } from "./example.js";
import { type ShapeName, shapes } from "./shapes.js";

/** Strings, or messages. */
export const styleNames = ["standard", "conversational"] as const;
/** One of {@link styleNames}. */
export type StyleName = (typeof styleNames)[number];

/** What rows become. */
export interface ConvertOptions {
  readonly shape: ShapeName;
  /** Default: as the row has it. */
  readonly style?: StyleName | undefined;
  /** How messages become strings; default {@link plainConversation}. */
  readonly conversation?: ConversationFormat;
}

/**
 * A row in another shape. Columns that belong to no format are kept.
 * @returns its rows: several of a ranking; none, with the reason, where nothing in it is for this shape
 * @throws {DataError} naming file and line for a row of unknown format, or one that does not fit the shape
 */
export function convertRow(
  line: FileRow,
  { shape, style, conversation }: ConvertOptions,
): { readonly rows: readonly JsonObject[] } | { readonly leftOut: string } {
  const misfit = (reason: string) => dataErrorAt(line, `this row does not fit ${shape}: ${reason}`);
  const given = exampleOf(parseRow(line));
  if (given === undefined) throw misfit("it holds ids, no text");
  if (style === "standard" && usesTools(given)) throw misfit("tools have no place in plain text");
  const shaped = shapes[shape].write(inStyle(given, style, conversation));
  if ("misfit" in shaped) throw misfit(shaped.misfit);
  if (style === "conversational" && given.prompt === undefined && typeof given.responses[0] === "string")
    throw misfit("a text has no turns to make messages of");
  if ("leftOut" in shaped) return shaped;
  const others = Object.entries(line.value).filter(([name]) => !knownColumns.has(name));
  return { rows: shaped.rows.map((row) => ({ ...row, ...Object.fromEntries(others) })) };
}

function inStyle(
  example: Example,
  style: StyleName | undefined,
  conversation: ConversationFormat | undefined,
): Example {
  if (style === "conversational") return toConversational(example);
  return style === "standard" ? toStandard(example, conversation) : example;
}

function usesTools({ prompt = "", responses }: Example): boolean {
  return [prompt, ...responses].some(
    (content) =>
      typeof content !== "string" &&
      content.some((message) => message.role === "tool" || "tool_calls" in message),
  );
}

/** Columns of the formats. */
const knownColumns: ReadonlySet<string> = new Set([
  ...["text", "messages", "prompt", "completion", "chosen", "rejected", "label", "completions", "labels"],
  ...[
    "responses",
    "ranks",
    "instruction",
    "input",
    "output",
    "system",
    "history",
    "kto_tag",
    "conversations",
  ],
]);
