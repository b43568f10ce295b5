/** Backend, seed and place of a run: flags before the file, the file before the defaults. */
import { ConfigError } from "@alignkit/core";
import type { PluginReference } from "../plugins.js";
import { type BackendChoice, defaultBackend, parseBackend } from "./backend-option.js";
import { suggestion } from "./nearest-name.js";
import type { RunFlags } from "./run-options.js";
import { parseTrackers, type TrackerChoice } from "./tracker-option.js";
import type { YamlFile } from "./yaml-file.js";

/** Keys of a config file that are about the run. */
export const runKeys = ["backend", "seed", "output_dir", "plugins", "preset", "report_to"] as const;

/** A mapping of a config file. */
export type ConfigObject = Readonly<Record<string, unknown>>;

export interface RunSettings {
  readonly backend: BackendChoice;
  readonly seed: number;
  /** As written; where it starts is for the caller to say. */
  readonly outputDirectory: string | undefined;
  readonly plugins: readonly PluginReference[];
  /** Of a whole pipeline, or of the one stage of a verb. */
  readonly preset: string | undefined;
  readonly trackers: readonly TrackerChoice[];
}

/** @throws {ConfigError} when a value of the file is of another kind */
export function runSettings(flags: RunFlags, file: YamlFile | undefined): RunSettings {
  const { seed = 0, output_dir, plugins = [], preset, report_to, backend } = requireObject(file, []);
  if (!Number.isSafeInteger(seed)) throw wrong(file, "seed", "an integer");
  if (output_dir !== undefined && typeof output_dir !== "string") throw wrong(file, "output_dir", "a path");
  if (preset !== undefined && typeof preset !== "string")
    throw wrong(file, "preset", 'a name that "alignkit presets" lists');
  if (!Array.isArray(plugins)) throw wrong(file, "plugins", "a list of packages and files");
  return {
    backend: flags.backend === undefined ? backendOfFile(backend, file) : parseBackend(flags.backend),
    seed: flags.seed ?? (seed as number),
    outputDirectory: flags.outputDir ?? output_dir,
    preset: flags.preset ?? preset,
    trackers: flags.reportTo === undefined ? trackersOfFile(report_to, file) : parseTrackers(flags.reportTo),
    plugins: plugins.map((plugin) => pluginOfFile(plugin, file)),
  };
}

/** A text as after the flag, or `{ name, ...options }`. */
function backendOfFile(value: unknown, file: YamlFile | undefined): BackendChoice {
  if (value === undefined) return defaultBackend;
  if (typeof value === "string") return parseBackend(value);
  const { name, ...options } = (value ?? {}) as ConfigObject;
  if (typeof name !== "string")
    throw wrong(file, "backend", "a name (onnx:cuda) or { name: onnx, provider: cuda }");
  return { name, options };
}

/** A name as after the flag, `{ name, ...options }`, or a list of them. */
function trackersOfFile(value: unknown, file: YamlFile | undefined): readonly TrackerChoice[] {
  if (value === undefined || value === null) return [];
  return (Array.isArray(value) ? value : [value]).flatMap((entry) => {
    if (typeof entry === "string") return parseTrackers([entry]);
    const { name, metric_names, ...options } = (entry ?? {}) as ConfigObject;
    const hasNames = metric_names === undefined || typeof metric_names === "string";
    if (typeof name !== "string" || !hasNames)
      throw wrong(file, "report_to", "a name (tensorboard), { name: mlflow, uri: .. } or a list of them");
    return [{ name, metricNames: metric_names as string | undefined, options }];
  });
}

function pluginOfFile(value: unknown, file: YamlFile | undefined): PluginReference {
  if (typeof value === "string") return { use: value };
  const { use, options, ...others } = (value ?? {}) as ConfigObject;
  const isMapping = options === undefined || (typeof options === "object" && options !== null);
  if (typeof use !== "string" || !isMapping || Object.keys(others).length > 0) {
    throw wrong(file, "plugins", 'a list of names and of { use: "./stage.js", options: {} }');
  }
  return { use, options: options as ConfigObject | undefined };
}

function wrong(file: YamlFile | undefined, key: string, wanted: string): ConfigError {
  return new ConfigError(`${file?.place([key]) ?? "config"}: ${key} must be ${wanted}`);
}

/** The mapping at `keys` of the file; empty without a file. */
export function requireObject(file: YamlFile | undefined, keys: readonly (string | number)[]): ConfigObject {
  let value = file?.value;
  for (const key of keys) value = (value as Readonly<Record<string | number, unknown>>)[key];
  if (value === undefined || value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as ConfigObject;
  throw new ConfigError(`${file?.place(keys)}: must be a mapping (key: value)`);
}

/** @throws {ConfigError} naming every key of the mapping at `keys` that is not known, with the nearest that is */
export function checkKeys(
  file: YamlFile,
  keys: readonly (string | number)[],
  known: readonly string[],
): void {
  const problems = Object.keys(requireObject(file, keys))
    .filter((key) => !known.includes(key))
    .map((key) => `${file.place([...keys, key])}: "${key}" is unknown${suggestion(key, known)}`);
  if (problems.length > 0) throw new ConfigError(problems.join("\n"), { details: { problems } });
}
