/** `alignkit data convert`. */
import { resolve } from "node:path";
import { ConfigError, createRandom, DataError } from "@alignkit/core";
import {
  type ConvertOptions,
  convertRow,
  createRowsFile,
  type FileRow,
  mixRows,
  readRows,
} from "@alignkit/data";
import type { DataConvertFlags } from "../commands/data-convert.js";
import type { Session } from "../session.js";
import { formatTable } from "../terminal/format.js";

export async function convertFiles(session: Session, flags: DataConvertFlags): Promise<void> {
  const { terminal, screen } = session;
  const { to: shape, style } = flags;
  if (shape === undefined && style !== undefined) {
    throw new ConfigError(`--style ${style} needs --to, the shape of the rows`);
  }
  const convert =
    shape === undefined ? ({ value }: FileRow) => ({ rows: [value] }) : convertTo({ shape, style });
  const files = flags.input.map((file) => resolve(terminal.workingDirectory, file));
  const rows = readAll(files, flags);
  const output = await createRowsFile(resolve(terminal.workingDirectory, flags.output));
  let read = 0;
  let written = 0;
  const leftOut = new Map<string, number>();
  try {
    for await (const line of rows) {
      read++;
      const converted = convert(line);
      if ("leftOut" in converted) {
        leftOut.set(converted.leftOut, (leftOut.get(converted.leftOut) ?? 0) + 1);
        continue;
      }
      for (const row of converted.rows) await output.write(row);
      written += converted.rows.length;
      if (read % 1000 === 0) screen.status(`data convert: ${read} rows`);
    }
    screen.status("");
    if (read === 0) throw new DataError(`${flags.input.join(", ")}: no rows`);
    await output.keep();
  } catch (error) {
    await output.discard();
    throw error;
  }
  const reasons = [...leftOut].map(([reason, count]) => ["left out", String(count), reason]);
  terminal.stdout.write(
    formatTable([["read", String(read), ""], ["written", String(written), flags.output], ...reasons]),
  );
}

const convertTo = (options: ConvertOptions) => (line: FileRow) => convertRow(line, options);

async function* readAll(
  files: readonly string[],
  { weights, seed }: DataConvertFlags,
): AsyncGenerator<FileRow> {
  if (weights === undefined) {
    for (const file of files) yield* readRows(file);
    return;
  }
  if (weights.length !== files.length)
    throw new ConfigError(
      `--weights has ${weights.length} numbers and --input ${files.length} files; give one for each`,
    );
  const sources = files.map((file, index) => ({ rows: readRows(file), weight: weights[index] as number }));
  yield* mixRows(sources, createRandom(seed ?? 0).split("mixture"));
}
