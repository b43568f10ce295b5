/** `alignkit data inspect`. */
import { resolve } from "node:path";
import { DataError } from "@alignkit/core";
import { type DataRecord, dataErrorAt, type FileRow, parseRow, readRows } from "@alignkit/data";
import { loadTokenizer } from "@alignkit/tokenizer";
import type { DataInspectFlags } from "../commands/data-inspect.js";
import type { Session } from "../session.js";
import { createPaint } from "../terminal/color.js";
import { showRow } from "./show-row.js";
import { type BatchKind, batchKindOf, batchKinds } from "./shown-batch.js";

export async function inspectFile({ terminal }: Session, flags: DataInspectFlags): Promise<void> {
  const at = (path: string) => resolve(terminal.workingDirectory, path);
  const tokenizer = await loadTokenizer(at(flags.tokenizer));
  const { records, kind } = await takeRecords(at(flags.data), flags);
  const { legend, shownRows } = batchKinds[kind];
  const rows = shownRows(records, tokenizer, flags.maxLength ?? Number.MAX_SAFE_INTEGER);
  const length = Math.max(...rows.map(({ ids, padding }) => ids.length + padding));
  const paint = createPaint(terminal.stdout, terminal);
  terminal.stdout.write(`a batch of ${kind}, [${rows.length}, ${length}] tokens\n${legend}\n`);
  for (const row of rows) terminal.stdout.write(`\n${showRow(row, tokenizer, paint, flags.tokens ?? false)}`);
}

interface Taken {
  readonly records: readonly DataRecord[];
  readonly kind: BatchKind;
}

/** Stops reading when it has enough: a file may be larger than memory. */
async function takeRecords(file: string, { rows, skip = 0 }: DataInspectFlags): Promise<Taken> {
  const records: DataRecord[] = [];
  let kind: BatchKind | undefined;
  let number = 0;
  for await (const line of readRows(file)) {
    if (number++ < skip) continue;
    const record = parseRow(line);
    const own = requireKind(record, line);
    kind ??= own;
    if (own !== kind)
      throw dataErrorAt(
        line,
        `this row is one of ${own}, but the first is one of ${kind}; give each its own file`,
      );
    records.push(record);
    if (records.length === rows) break;
  }
  if (kind === undefined) throw new DataError(`${file}: no rows after ${skip}`, { details: { file } });
  return { records, kind };
}

function requireKind(record: DataRecord, line: FileRow): BatchKind {
  const kind = batchKindOf(record);
  if (kind !== undefined) return kind;
  throw dataErrorAt(
    line,
    `no stage trains on ${record.kind} rows as they are; convert them first with "alignkit data convert"`,
  );
}
