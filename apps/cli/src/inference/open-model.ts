/** A model directory made ready on a backend, as `score`, `generate` and `chat` need it. */
import { type Backend, disposeAll } from "@alignkit/core";
import {
  readModelConfig,
  readTokenizerFiles,
  requireKnownIds,
  type UploadedModel,
  uploadModelDirectory,
} from "@alignkit/models";
import { type Tokenizer, tokenizerOf } from "@alignkit/tokenizer";
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
export interface OpenModel extends UploadedModel {
  readonly backend: Backend;
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
  const tokenizerFiles = await readTokenizerFiles(flags.model);
  const tokenizer = tokenizerOf(tokenizerFiles, flags.model);
  const backend = await factory.create(choice.options);
  const upload = async () => {
    requireKnownIds(await readModelConfig(flags.model), tokenizer, flags.model);
    return uploadModelDirectory(backend, flags.model);
  };
  const model = await upload().catch(async (error: unknown) => {
    await backend.dispose();
    throw error;
  });
  return {
    backend,
    ...model,
    tokenizer,
    async dispose() {
      disposeAll(model.parameters);
      await backend.dispose();
    },
  };
}
