import { createRequire } from "node:module";
import { isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError } from "./errors.js";

/** What a config names with a module: `./my-stage.js`, `my-package`, `@alignkit/sft#sft`. */
export interface ImportOptions {
  /** What it is for, in messages: `plugin`. */
  readonly what: string;
  /** Where relative files start, and from where packages are looked up. */
  readonly baseDirectory: string;
  /** Exports that are looked for in this order, unless the name after a `#` says which. */
  readonly exportNames: readonly string[];
}

/**
 * One export of a module that a config names.
 * @throws {ConfigError} when the module cannot be imported or has no such export
 */
export async function importExport(
  specifier: string,
  { what, baseDirectory, exportNames }: ImportOptions,
): Promise<unknown> {
  const hash = specifier.indexOf("#");
  const moduleName = hash < 0 ? specifier : specifier.slice(0, hash);
  const names = hash < 0 ? exportNames : [specifier.slice(hash + 1)];
  const exports = await importFrom(moduleName, { what, baseDirectory, specifier });
  const exported = names.map((name) => exports[name]).find((value) => value !== undefined);
  if (exported !== undefined) return exported;
  const wanted = names.map((name) => `"${name}"`).join(" nor ");
  throw new ConfigError(
    `${what} "${specifier}": exports ${names.length > 1 ? "neither" : "no"} ${wanted}; name the export after a "#"; exports: ${Object.keys(exports).join(", ") || "none"}`,
    { details: { specifier } },
  );
}

async function importFrom(
  moduleName: string,
  place: { readonly what: string; readonly baseDirectory: string; readonly specifier: string },
): Promise<Readonly<Record<string, unknown>>> {
  const { what, baseDirectory, specifier } = place;
  const isFile = moduleName.startsWith(".") || isAbsolute(moduleName);
  try {
    if (isFile) return await import(pathToFileURL(resolve(baseDirectory, moduleName)).href);
    return await import(locatePackage(moduleName, baseDirectory));
  } catch (cause) {
    const remedy = isFile
      ? "check the path and the file"
      : `run "npm install ${moduleName}" in ${baseDirectory}`;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`${what} "${specifier}": cannot be imported; ${remedy} (${reason})`, {
      cause,
      details: { specifier, baseDirectory },
    });
  }
}

/** The package as seen from the user's folder; else as seen from here, which also finds packages without a `require` entry. */
function locatePackage(moduleName: string, baseDirectory: string): string {
  try {
    return pathToFileURL(createRequire(join(baseDirectory, "plugins.js")).resolve(moduleName)).href;
  } catch {
    return moduleName;
  }
}
