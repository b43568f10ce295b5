/** A model directory made ready on a backend, as `score`, `generate` and `chat` need it. */
import { type Backend, type DeviceTensor, disposeAll, float32, uploadAll } from "@alignkit/core";
import { type LoadedModelDirectory, readModelDirectory, readTokenizerFiles } from "@alignkit/models";
import { createTokenizer, type Tokenizer } from "@alignkit/tokenizer";
import { defaultBackend, parseBackend } from "../options/backend-option.js";
import { loadRegistry } from "../plugins.js";
import type { Terminal } from "../terminal/terminal.js";

/** As commander gives them. */
export interface ModelFlags {
  readonly model: string;
  readonly backend?: string;
  readonly plugin?: readonly string[];
}

/** The caller disposes it. */
export interface OpenModel {
  readonly backend: Backend;
  readonly config: LoadedModelDirectory["config"];
  readonly head: LoadedModelDirectory["head"];
  readonly generationConfig: LoadedModelDirectory["generationConfig"];
  readonly parameters: Readonly<Record<string, DeviceTensor>>;
  /** Absent when the directory has none: then only `input_ids` can be read. */
  readonly tokenizer: Tokenizer | undefined;
  dispose(): Promise<void>;
}

/** @throws {DataError | ConfigError | BackendError} when the directory or the backend cannot be used */
export async function openModel(flags: ModelFlags, { workingDirectory }: Terminal): Promise<OpenModel> {
  const registry = await loadRegistry(
    (flags.plugin ?? []).map((use) => ({ use })),
    workingDirectory,
  );
  const choice = flags.backend === undefined ? defaultBackend : parseBackend(flags.backend);
  const factory = registry.backend(choice.name);
  const model = await readModelDirectory(flags.model);
  const tokenizerFiles = await readTokenizerFiles(flags.model);
  const tokenizer = tokenizerFiles.has("tokenizer.json") ? createTokenizer(tokenizerFiles) : undefined;
  const backend = await factory.create(choice.options);
  const values = [...model.parameters].map(
    ([name, { data, shape }]) => [name, float32(data, shape)] as const,
  );
  const parameters = await uploadAll(backend, Object.fromEntries(values));
  return {
    backend,
    config: model.config,
    head: model.head,
    generationConfig: model.generationConfig,
    parameters,
    tokenizer,
    async dispose() {
      disposeAll(parameters);
      await backend.dispose();
    },
  };
}
