/**
 * Reads `.csv` files: a header, then rows of as many cells.
 *
 * Cells are texts. Columns whose values are lists, numbers or booleans hold them as JSON, as this package writes them;
 * `True` and `False` of Python are understood. A prompt or response that is a list of messages is JSON, too.
 */
import { pipeline } from "node:stream";
import { CsvError, parse as parseCsv } from "csv-parse";
import { dataErrorAt, type Origin } from "../origin.js";
import { jsonColumns } from "./csv-columns.js";
import { type ReadingPlace, readBytes } from "./open-file.js";
import type { FileRow, JsonObject } from "./row.js";

/**
 * @throws {DataError} with `file:line` for quotes that do not close, too few or too many cells, or a cell that has to be
 * JSON and is not
 */
export async function* readCsv(file: string): AsyncGenerator<FileRow> {
  const place: ReadingPlace = { line: 1 };
  let header: readonly string[] = [];
  const options = {
    info: true,
    skip_empty_lines: true,
    record_delimiter: ["\r\n", "\n"],
    columns: (names: readonly string[]) => {
      header = checkedHeader(names, { file, line: 1 });
      return [...header];
    },
  };
  // `pipeline` hands errors on to the reader below, which throws them.
  const rows = pipeline(decodeText(readBytes(file, place), file), parseCsv(options), () => {});
  try {
    for await (const { record, info } of rows as AsyncIterable<ParsedRow>) {
      const origin = { file, line: info.lines - lineBreaksWithin(record) };
      place.line = info.lines + 1;
      yield { value: valuesOf(record, origin), ...origin };
    }
  } catch (error) {
    throw error instanceof CsvError ? csvError(error, file, header) : error;
  }
}

interface ParsedRow {
  readonly record: Readonly<Record<string, string>>;
  /** The last line of the row, from 1. */
  readonly info: { readonly lines: number };
}

function lineBreaksWithin(record: ParsedRow["record"]): number {
  let count = 0;
  for (const cell of Object.values(record)) {
    for (let at = cell.indexOf("\n"); at !== -1; at = cell.indexOf("\n", at + 1)) count++;
  }
  return count;
}

async function* decodeText(chunks: AsyncIterable<Uint8Array>, file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  const decode = (chunk?: Uint8Array) => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch (cause) {
      throw dataErrorAt(
        { file, line },
        "here or soon after the text is not valid UTF-8; save the file as UTF-8",
        cause,
      );
    }
  };
  for await (const chunk of chunks) {
    const text = decode(chunk);
    yield text;
    line += text.split("\n").length - 1;
  }
  decode();
}

function checkedHeader(names: readonly string[], origin: Origin): readonly string[] {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return names;
  throw dataErrorAt(origin, `the column "${twice}" is there twice; give each column its own name`);
}

/** As Python writes them. */
const pythonValues: Readonly<Record<string, unknown>> = { True: true, False: false, None: null };

const looksLikeMessages = /^\s*\[\s*\{\s*"(?:role|content|from|value)"\s*:/;

function valuesOf(record: ParsedRow["record"], origin: Origin): JsonObject {
  return Object.fromEntries(
    Object.entries(record).map(([name, cell]) => {
      const isJson = jsonColumns.has(name) || looksLikeMessages.test(cell);
      return [name, isJson ? parseCell(name, cell, origin) : cell];
    }),
  );
}

function parseCell(name: string, cell: string, origin: Origin): unknown {
  const text = cell.trim();
  if (text === "") return null;
  if (text in pythonValues) return pythonValues[text];
  try {
    return JSON.parse(text);
  } catch (cause) {
    const shown = text.length <= 40 ? text : `${text.slice(0, 40)}..`;
    throw dataErrorAt(origin, `"${name}" is ${shown}; give JSON, for example [1, 2] or true`, cause);
  }
}

/** What is wrong with a file, by the code of csv-parse. */
const csvErrors: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED:
    "a cell that starts with a quote does not end; the file is incomplete, or a quote is too many",
  CSV_INVALID_CLOSING_QUOTE:
    "text follows the closing quote of a cell; double the quotes within a quoted cell",
  INVALID_OPENING_QUOTE:
    "a quote stands within a cell without quotes; put the cell in quotes and double those within",
};

function csvError(error: CsvError, file: string, header: readonly string[]) {
  const { lines = 1, record } = error as { readonly lines?: number; readonly record?: unknown };
  const origin = { file, line: lines };
  if (Array.isArray(record)) {
    const names = header.map((name) => `"${name}"`).join(", ");
    return dataErrorAt(
      origin,
      `the row has ${record.length} cells and the header ${header.length} (${names}); quote cells that hold commas or line breaks`,
      error,
    );
  }
  return dataErrorAt(origin, csvErrors[error.code] ?? error.message, error);
}
