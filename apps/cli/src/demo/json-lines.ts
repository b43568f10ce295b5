import { writeFile } from "node:fs/promises";

/** One object a line. */
export function writeJsonLines(path: string, rows: readonly object[]): Promise<void> {
  return writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}
