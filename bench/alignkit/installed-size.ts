/** What this side takes on disk: its packages with all that they depend on, as installed here. */
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** @param names - packages that the file at `from` imports */
export function installedMegabytes(names: readonly string[], from: string): number {
  const found = new Set<string>();
  const visit = (name: string, importer: string): void => {
    const directory = packageDirectory(name, importer);
    // An optional dependency may be for another platform.
    if (directory === null || found.has(directory)) return;
    found.add(directory);
    const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Manifest;
    for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
      visit(dependency, directory);
    }
  };
  for (const name of names) visit(name, dirname(fileURLToPath(from)));
  let bytes = 0;
  for (const directory of found) bytes += bytesBelow(directory);
  return bytes / 2 ** 20;
}

/** As Node looks for it: in `node_modules` of each folder upwards. */
function packageDirectory(name: string, from: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return realpathSync(candidate);
    if (folder === dirname(folder)) return null;
  }
}

/** Without what belongs to other packages or to development. */
function bytesBelow(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) bytes += isOther(entry.name) ? 0 : bytesBelow(path);
    else bytes += lstatSync(path).size;
  }
  return bytes;
}

const isOther = (folder: string): boolean =>
  folder === "node_modules" || folder === "fixtures" || folder.startsWith(".");
