import { ConfigError } from "./errors.js";
import type { BackendFactory, Plugin, TrackerFactory } from "./plugin.js";
import type { StageDefinition } from "./stage.js";

/** What the plugins offer, by name. Built by the caller; nothing is global. */
export interface Registry {
  readonly plugins: readonly Plugin[];
  readonly stages: ReadonlyMap<string, StageDefinition>;
  readonly backends: ReadonlyMap<string, BackendFactory>;
  readonly trackers: ReadonlyMap<string, TrackerFactory>;
  /** @throws {ConfigError} when unknown; the message lists the known ones */
  stage(name: string): StageDefinition;
  /** @throws {ConfigError} when unknown; the message lists the known ones */
  backend(name: string): BackendFactory;
  /** @throws {ConfigError} when unknown; the message lists the known ones */
  tracker(name: string): TrackerFactory;
}

/** @throws {ConfigError} when two plugins, stages, backends or trackers bear the same name */
export function createRegistry(plugins: readonly Plugin[]): Registry {
  const names = new Set<string>();
  const stages = new Map<string, StageDefinition>();
  const backends = new Map<string, BackendFactory>();
  const trackers = new Map<string, TrackerFactory>();
  const owners = new Map<string, string>();
  const add = <T extends { readonly name: string }>(
    what: string,
    entry: T,
    plugin: Plugin,
    into: Map<string, T>,
  ) => {
    const owner = owners.get(`${what} ${entry.name}`);
    if (owner !== undefined) {
      throw new ConfigError(
        `registry: ${what} "${entry.name}" comes from plugin "${owner}" and from plugin "${plugin.name}"; leave one out`,
        { details: { [what]: entry.name, plugins: [owner, plugin.name] } },
      );
    }
    owners.set(`${what} ${entry.name}`, plugin.name);
    into.set(entry.name, entry);
  };
  for (const plugin of plugins) {
    if (names.has(plugin.name)) {
      throw new ConfigError(`registry: plugin "${plugin.name}" is given twice; leave one out`, {
        details: { plugin: plugin.name },
      });
    }
    names.add(plugin.name);
    for (const stage of plugin.stages ?? []) add("stage", stage, plugin, stages);
    for (const backend of plugin.backends ?? []) add("backend", backend, plugin, backends);
    for (const tracker of plugin.trackers ?? []) add("tracker", tracker, plugin, trackers);
  }
  return {
    plugins,
    stages,
    backends,
    trackers,
    stage: (name) => find("stage", name, stages),
    backend: (name) => find("backend", name, backends),
    tracker: (name) => find("tracker", name, trackers),
  };
}

function find<T>(what: string, name: string, entries: ReadonlyMap<string, T>): T {
  const entry = entries.get(name);
  if (entry === undefined) {
    throw new ConfigError(`${what} "${name}" is unknown; known: ${listNames(entries.keys())}`, {
      details: { [what]: name, known: [...entries.keys()] },
    });
  }
  return entry;
}

/** `ppo, reward, sft`, or `none`. */
export function listNames(names: Iterable<string>): string {
  const sorted = [...names].sort();
  return sorted.length === 0 ? "none" : sorted.join(", ");
}
