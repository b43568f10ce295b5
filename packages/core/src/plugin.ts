import type { Backend } from "./backend.js";
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
