import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defineDirectoryArtifact } from "./artifacts.js";
import { DataError } from "./errors.js";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "alignkit-artifacts-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe("defineDirectoryArtifact", () => {
  const key = defineDirectoryArtifact({ kind: "policy", description: "A language model." });

  it("leaves a directory that is in its place and copies any other", async () => {
    const [source, target] = [join(root, "source"), join(root, "target")];
    await mkdir(join(source, "nested"), { recursive: true });
    await mkdir(target);
    await writeFile(join(source, "nested", "file"), "content");
    await key.save({ directory: source }, `${source}/`);
    await key.save({ directory: source }, target);
    expect(await readFile(join(target, "nested", "file"), "utf8")).toBe("content");
    expect(await key.load(target)).toEqual({ directory: target });
  });

  it("refuses a path without a directory, and one that its check refuses", async () => {
    await expect(key.load(join(root, "none"))).rejects.toThrow(
      "no directory is there; a policy is a directory",
    );
    await writeFile(join(root, "file"), "");
    await expect(key.load(join(root, "file"))).rejects.toThrow(DataError);
    const strict = defineDirectoryArtifact({
      kind: "policy",
      description: "",
      check: async (directory) => {
        throw new DataError(`${directory}: no config.json`);
      },
    });
    await expect(strict.load(root)).rejects.toThrow("no config.json");
  });
});
