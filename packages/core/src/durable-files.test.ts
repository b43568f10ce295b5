import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { replaceFile, replaceFileSync } from "./durable-files.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "alignkit-replace-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe.each([
  ["replaceFile", (path: string, content: string) => replaceFile(path, (file) => file.writeFile(content))],
  ["replaceFileSync", async (path: string, content: string) => replaceFileSync(path, content)],
])("%s", (_, replace) => {
  it("writes a file, then another in its place, and leaves nothing else", async () => {
    const path = join(folder, "state.json");
    await replace(path, "a long first text");
    await replace(path, "second");
    expect(await readFile(path, "utf8")).toBe("second");
    expect(await readdir(folder)).toEqual(["state.json"]);
  });
  it("leaves nothing behind where it cannot", async () => {
    // A folder is in the place of the file.
    await mkdir(join(folder, "taken"));
    await expect(replace(join(folder, "taken"), "text")).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST|EPERM/);
    expect(await readdir(folder)).toEqual(["taken"]);
  });
});
