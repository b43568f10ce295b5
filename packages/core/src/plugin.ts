import type { Backend } from "./backend.js";
import { ConfigError } from "./errors.js";
import { importExport } from "./import-export.js";
import type { Logger } from "./logger.js";
import type { StageDefinition } from "./stage.js";
import type { MetricsSink } from "./tracker.js";

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

/** Makes a place for metrics by name. */
export interface TrackerFactory {
  /** As written after `--report-to`: `tensorboard`. */
  readonly name: string;
  readonly description: string;
  /**
   * Opens nothing yet: the run directory may not be there before the first metric.
   * @param options - as given in the config; the factory checks them
   * @throws {ConfigError} when an option is wrong
   */
  create(options: Readonly<Record<string, unknown>>, context: TrackerContext): Promise<MetricsSink>;
}

/** What a tracker may use; nothing else is global. */
export interface TrackerContext {
  /** Absolute. */
  readonly runDirectory: string;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly wallTime: () => number;
  /** Environment variables: addresses and tokens of services. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What a package adds: a plain object made by a factory, `sft()`. alignkit's own stages and backends are plugins too. */
export interface Plugin {
  readonly name: string;
  readonly stages?: readonly StageDefinition[];
  readonly backends?: readonly BackendFactory[];
  readonly trackers?: readonly TrackerFactory[];
}

/** A plugin as it is, with its type checked. */
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
  const exported = await importExport(specifier, {
    what: "plugin",
    baseDirectory,
    exportNames: ["default", "plugin"],
  });
  const plugin: unknown = typeof exported === "function" ? await exported(options) : exported;
  const problem = describeProblem(plugin);
  if (problem !== undefined) {
    throw new ConfigError(
      `plugin "${specifier}": ${problem}; a plugin is { name, stages?, backends?, trackers? }`,
      {
        details: { specifier },
      },
    );
  }
  return plugin as Plugin;
}

function describeProblem(plugin: unknown): string | undefined {
  if (typeof plugin !== "object" || plugin === null) return `is ${plugin === null ? "null" : typeof plugin}`;
  const { name, stages, backends, trackers } = plugin as { readonly [K in keyof Plugin]?: unknown };
  if (typeof name !== "string" || name === "") return "has no name";
  const lacks = (entries: unknown, method: string) =>
    entries !== undefined &&
    !(Array.isArray(entries) && entries.every((entry) => typeof entry?.[method] === "function"));
  if (lacks(stages, "run")) return "its stages are not a list of stage definitions";
  if (lacks(backends, "create")) return "its backends are not a list of { name, create }";
  if (lacks(trackers, "create")) return "its trackers are not a list of { name, create }";
  return undefined;
}
