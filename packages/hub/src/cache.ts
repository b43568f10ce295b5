/**
 * The Hub's cache on disk, as Hugging Face's tools lay it out, so that all of them share what one has fetched:
 *
 * ```text
 * models--organisation--name/
 *   refs/main                      the commit that the revision stood for when it was last asked
 *   blobs/<etag>                   contents
 *   snapshots/<commit>/<path>      links to them
 * ```
 */
import { createHash, type Hash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DataError } from "@alignkit/core";
import type { HubReference } from "./reference.js";

/** A file of a repository as the Hub lists it. */
export interface HubFile {
  /** With slashes. */
  readonly path: string;
  readonly size: number;
  /** Digest by which the contents are stored and checked. */
  readonly digest: { readonly kind: "git" | "sha256"; readonly value: string };
}

export interface RepositoryCache {
  /** The commit of a revision, if it is known. */
  readCommit(revision: string): Promise<string | undefined>;
  writeCommit(revision: string, commit: string): Promise<void>;
  /** The directory of a commit's files. */
  snapshot(commit: string): string;
  /** Paths of the files that a snapshot has. */
  listFiles(commit: string): Promise<readonly string[]>;
  hasFile(commit: string, path: string): Promise<boolean>;
  /**
   * Stores a file, unless its contents are there already.
   * @param open - gives the contents; called only when they are needed
   * @throws {DataError} when they are not what the Hub listed
   */
  addFile(commit: string, file: HubFile, open: () => Promise<AsyncIterable<Uint8Array>>): Promise<void>;
}

const isCommit = (revision: string) => /^[0-9a-f]{40}$/.test(revision);

export function openRepositoryCache(directory: string, { kind, id }: HubReference): RepositoryCache {
  const root = join(directory, [`${kind}s`, ...id.split("/")].join("--"));
  const snapshot = (commit: string) => join(root, "snapshots", commit);
  const pathOf = (commit: string, path: string) => join(snapshot(commit), ...path.split("/"));
  return {
    snapshot,
    async readCommit(revision) {
      if (isCommit(revision)) return (await exists(snapshot(revision))) ? revision : undefined;
      return readFile(join(root, "refs", revision), "utf8").then(
        (text) => text.trim(),
        () => undefined,
      );
    },
    async writeCommit(revision, commit) {
      if (isCommit(revision)) return;
      const path = join(root, "refs", revision);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, commit);
    },
    async listFiles(commit) {
      if (!(await exists(snapshot(commit)))) return [];
      const entries = await readdir(snapshot(commit), { recursive: true, withFileTypes: true });
      const paths = entries
        .filter((entry) => !entry.isDirectory())
        .map((entry) => relative(snapshot(commit), join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
      return paths.sort();
    },
    hasFile: (commit, path) => exists(pathOf(commit, path)),
    async addFile(commit, file, open) {
      const path = pathOf(commit, file.path);
      if (await exists(path)) return;
      const blob = join(root, "blobs", file.digest.value);
      if (!(await exists(blob))) await store(blob, file, await open());
      await mkdir(dirname(path), { recursive: true });
      await rm(path, { force: true });
      // Where links are not allowed (Windows without developer mode), a copy.
      await symlink(relative(dirname(path), blob), path).catch(() => copyFile(blob, path));
    },
  };
}

/** Writes under another name first, and checks on the way. */
async function store(blob: string, file: HubFile, contents: AsyncIterable<Uint8Array>): Promise<void> {
  await mkdir(dirname(blob), { recursive: true });
  const incomplete = `${blob}.${process.pid}.incomplete`;
  const hash = hashOf(file);
  let size = 0;
  const watch = new Transform({
    transform(chunk: Uint8Array, _, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  try {
    await pipeline(contents, watch, createWriteStream(incomplete));
    const found = hash.digest("hex");
    if (size !== file.size || found !== file.digest.value) {
      throw new DataError(
        `${file.path}: ${size} bytes with the digest ${found} were received, and the Hub lists ${file.size} with ${file.digest.value}; try again`,
        { details: { path: file.path } },
      );
    }
    await rename(incomplete, blob);
  } finally {
    await rm(incomplete, { force: true });
  }
}

/** Large files have the SHA-256 of their bytes, others git's name for them. */
function hashOf({ digest, size }: HubFile): Hash {
  return digest.kind === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
