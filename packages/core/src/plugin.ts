import { createRequire } from "node:module";
import { isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Backend } from "./backend.js";
import { ConfigError } from "./errors.js";
import type { StageDefinition } from "./stage.js";

/** Makes a backend by name. */
export interface BackendFactory {
  /** As written after `--backend`: `onnx`, `reference`. */
  readonly name: string;
  readonly description: string;
  /**
   * @param options - as given in the config; the factory checks them
   * @throws {BackendError} when a library or device that it needs is absent; the message names it
   */
  create(options: Readonly<Record<string, unknown>>): Promise<Backend>;
}

/** What a package adds: a plain object made by a factory, `sft()`. alignkit's own stages and backends are plugins too. */
export interface Plugin {
  readonly name: string;
  readonly stages?: readonly StageDefinition[];
  readonly backends?: readonly BackendFactory[];
}

export function definePlugin(plugin: Plugin): Plugin {
  return plugin;
}

/**
 * Imports a plugin named in a config.
 *
 * The module exports it as `default` or `plugin`, or under the name after a `#`: `./my-stage.js`, `my-package`,
 * `@alignkit/sft#sft`. The export is a plugin or a function that makes one.
 * @param baseDirectory - where relative files start, and from where packages are looked up
 * @param options - handed to the function
 * @throws {ConfigError} when the module cannot be imported or exports no plugin
 */
export async function loadPlugin(
  specifier: string,
  baseDirectory: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Plugin> {
  const hash = specifier.indexOf("#");
  const moduleName = hash < 0 ? specifier : specifier.slice(0, hash);
  const exportNames = hash < 0 ? ["default", "plugin"] : [specifier.slice(hash + 1)];
  const exports = await importFrom(moduleName, baseDirectory, specifier);
  const exported = exportNames.map((name) => exports[name]).find((value) => value !== undefined);
  if (exported === undefined) {
    const wanted = exportNames.map((name) => `"${name}"`).join(" nor ");
    throw new ConfigError(
      `plugin "${specifier}": exports ${exportNames.length > 1 ? "neither" : "no"} ${wanted}; name the export after a "#"; exports: ${Object.keys(exports).join(", ") || "none"}`,
      { details: { specifier } },
    );
  }
  const plugin: unknown = typeof exported === "function" ? await exported(options) : exported;
  const problem = describeProblem(plugin);
  if (problem !== undefined) {
    throw new ConfigError(`plugin "${specifier}": ${problem}; a plugin is { name, stages?, backends? }`, {
      details: { specifier },
    });
  }
  return plugin as Plugin;
}

async function importFrom(
  moduleName: string,
  baseDirectory: string,
  specifier: string,
): Promise<Readonly<Record<string, unknown>>> {
  const isFile = moduleName.startsWith(".") || isAbsolute(moduleName);
  try {
    if (isFile) return await import(pathToFileURL(resolve(baseDirectory, moduleName)).href);
    return await import(locatePackage(moduleName, baseDirectory));
  } catch (cause) {
    const remedy = isFile
      ? "check the path and the file"
      : `run "npm install ${moduleName}" in ${baseDirectory}`;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`plugin "${specifier}": cannot be imported; ${remedy} (${reason})`, {
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

function describeProblem(plugin: unknown): string | undefined {
  if (typeof plugin !== "object" || plugin === null) return `is ${plugin === null ? "null" : typeof plugin}`;
  const { name, stages, backends } = plugin as { readonly [K in keyof Plugin]?: unknown };
  if (typeof name !== "string" || name === "") return "has no name";
  const lacks = (entries: unknown, method: string) =>
    entries !== undefined &&
    !(Array.isArray(entries) && entries.every((entry) => typeof entry?.[method] === "function"));
  if (lacks(stages, "run")) return "its stages are not a list of stage definitions";
  if (lacks(backends, "create")) return "its backends are not a list of { name, create }";
  return undefined;
}
