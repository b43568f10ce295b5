/** Reads single fields of a row; every message names the field, what it holds and what to do. */
import type { JsonObject } from "./files/row.js";
import { dataErrorAt, type Origin } from "./origin.js";
import { type Content, ignoredLabel, type Message } from "./records.js";

export interface Row {
  readonly value: JsonObject;
  readonly origin: Origin;
}

/** @param within - where the row is an object in a field: that place, `"instances"[2]` */
export function readString({ value, origin }: Row, name: string, within?: string): string {
  const found = value[name];
  const place = within === undefined ? `"${name}"` : `${within}.${name}`;
  if (typeof found !== "string") throw dataErrorAt(origin, `${place} is ${describe(found)}; give a string`);
  return found;
}

export function readFilledString(row: Row, name: string): string {
  const found = readString(row, name);
  if (found === "")
    throw dataErrorAt(row.origin, `"${name}" is empty; give a non-empty string or drop the line`);
  return found;
}

/** A string, or messages. */
export function readContent(row: Row, name: string): Content {
  return Array.isArray(row.value[name]) ? readMessages(row, name) : readString(row, name);
}

/** A string that is not empty, or messages. */
export function readFilledContent(row: Row, name: string): Content {
  return Array.isArray(row.value[name]) ? readMessages(row, name) : readFilledString(row, name);
}

/** A list of strings, or of lists of messages. */
export function readContents(row: Row, name: string): readonly Content[] {
  return readArray(row, name, "strings").map((entry, index) => {
    if (typeof entry === "string") return entry;
    const place = `"${name}"[${index}]`;
    if (Array.isArray(entry)) return messagesIn(row, place, entry);
    throw dataErrorAt(row.origin, `${place} is ${describe(entry)}; give a string`);
  });
}

export function readBoolean({ value, origin }: Row, name: string): boolean {
  const found = value[name];
  if (typeof found !== "boolean")
    throw dataErrorAt(origin, `"${name}" is ${describe(found)}; give true or false`);
  return found;
}

export function readBooleans(row: Row, name: string): readonly boolean[] {
  return readArray(row, name, "booleans").map((entry, index) => {
    if (typeof entry === "boolean") return entry;
    throw dataErrorAt(row.origin, `"${name}"[${index}] is ${describe(entry)}; give true or false`);
  });
}

export function readStrings(row: Row, name: string): readonly string[] {
  return readArray(row, name, "strings").map((entry, index) => {
    if (typeof entry === "string") return entry;
    throw dataErrorAt(row.origin, `"${name}"[${index}] is ${describe(entry)}; give a string`);
  });
}

/** @param shape - of each object, as the message shows it */
export function readObjects(row: Row, name: string, shape: string): readonly JsonObject[] {
  return readArray(row, name, "objects").map((entry, index) => {
    if (typeof entry === "object" && entry !== null && !Array.isArray(entry)) return entry as JsonObject;
    throw dataErrorAt(row.origin, `"${name}"[${index}] is ${describe(entry)}; give ${shape}`);
  });
}

export function readNumbers(row: Row, name: string): readonly number[] {
  return readArray(row, name, "numbers").map((entry, index) => {
    if (typeof entry === "number" && Number.isFinite(entry)) return entry;
    throw dataErrorAt(row.origin, `"${name}"[${index}] is ${describe(entry)}; give a number`);
  });
}

/** `[T]` token ids, at least one. */
export function readTokenIds(row: Row, name: string): Int32Array {
  return tokenIds(row, `"${name}"`, readArray(row, name, "token ids"));
}

/** Rows of token ids, each with at least one. */
export function readTokenIdRows(row: Row, name: string): readonly Int32Array[] {
  return readArray(row, name, "rows of token ids").map((entry, index) => {
    const place = `"${name}"[${index}]`;
    if (Array.isArray(entry)) return tokenIds(row, place, entry);
    throw dataErrorAt(row.origin, `${place} is ${describe(entry)}; give an array of token ids`);
  });
}

/** `[T]` token ids or -100. */
export function readLabels(row: Row, name: string): Int32Array {
  const entries = readArray(row, name, "token ids or -100");
  return Int32Array.from(entries, (entry, index) => {
    if (entry === ignoredLabel || isTokenId(entry)) return entry;
    throw dataErrorAt(
      row.origin,
      `"${name}"[${index}] is ${describe(entry)}; give a token id, or -100 for no loss`,
    );
  });
}

const roles: ReadonlySet<unknown> = new Set<Message["role"]>(["system", "user", "assistant", "tool"]);

export function readMessages(row: Row, name: string): readonly Message[] {
  return messagesIn(row, `"${name}"`, readArray(row, name, "messages"));
}

function messagesIn(row: Row, place: string, entries: readonly unknown[]): readonly Message[] {
  if (entries.length === 0)
    throw dataErrorAt(row.origin, `${place} is empty; give at least one message or drop the line`);
  const messages = entries.map((entry, index) => messageIn(row, `${place}[${index}]`, entry));
  const second = messages.findLastIndex(({ role }) => role === "system");
  if (second > messages.findIndex(({ role }) => role === "system")) {
    throw dataErrorAt(
      row.origin,
      `${place}[${second}] is a second system message; write one, as the first message`,
    );
  }
  return messages;
}

function messageIn({ origin }: Row, place: string, entry: unknown): Message {
  if (typeof entry !== "object" || entry === null) {
    throw dataErrorAt(origin, `${place} is ${describe(entry)}; give {"role": .., "content": ..}`);
  }
  const { role, content } = entry as Partial<Message>;
  if (!roles.has(role)) {
    throw dataErrorAt(
      origin,
      `${place}.role is ${describe(role)}; give "system", "user", "assistant" or "tool"`,
    );
  }
  const calls = "tool_calls" in entry && Array.isArray(entry.tool_calls) && entry.tool_calls.length > 0;
  const text = calls ? (content ?? "") : content;
  if (typeof text !== "string")
    throw dataErrorAt(origin, `${place}.content is ${describe(content)}; give a string`);
  if (text === "" && !calls)
    throw dataErrorAt(origin, `${place}.content is empty; give a non-empty string or drop the line`);
  // Tables have every column in every row: null is what a message does not have.
  const fields = Object.entries(entry).filter(([, value]) => value !== null);
  return { ...Object.fromEntries(fields), role: role as Message["role"], content: text };
}

function tokenIds({ origin }: Row, place: string, entries: readonly unknown[]): Int32Array {
  if (entries.length === 0)
    throw dataErrorAt(origin, `${place} is empty; give at least one token id or drop the line`);
  return Int32Array.from(entries, (entry, index) => {
    if (isTokenId(entry)) return entry;
    throw dataErrorAt(origin, `${place}[${index}] is ${describe(entry)}; give a whole number from 0`);
  });
}

function readArray({ value, origin }: Row, name: string, of: string): readonly unknown[] {
  const found = value[name];
  if (!Array.isArray(found))
    throw dataErrorAt(origin, `"${name}" is ${describe(found)}; give an array of ${of}`);
  return found;
}

function isTokenId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31;
}

/** A value in words, short enough for a message. */
function describe(value: unknown): string {
  if (value === undefined) return "missing";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length <= 40 ? text : `${text.slice(0, 40)}..`;
}
