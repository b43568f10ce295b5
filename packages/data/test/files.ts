import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";

/** A fresh directory for each test; `write` puts a file into it and gives its path. */
export function useDirectory() {
  let directory = "";
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "alignkit-data-"));
  });
  afterEach(() => rm(directory, { recursive: true }));
  return {
    path: (name: string) => join(directory, name),
    async write(name: string, content: string | Uint8Array): Promise<string> {
      const file = join(directory, name);
      await writeFile(file, content);
      return file;
    },
    /** Writes rows as JSON lines. */
    async writeRows(name: string, ...rows: object[]): Promise<string> {
      return this.write(name, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    },
  };
}
