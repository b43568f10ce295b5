import { cp, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { DataError } from "./errors.js";

/**
 * What a stage hands to a later one: a typed key, matched by `kind`.
 *
 * A stage names the keys that it consumes and produces; the pipeline connects outputs to inputs of the same kind.
 */
export interface ArtifactKey<T> {
  /** Two keys with the same kind are interchangeable: `policy`, `reward-model`. */
  readonly kind: string;
  /** One sentence for people. */
  readonly description: string;
  /** Writes `value` into `directory`, which exists; the run directory calls it when a stage has ended. */
  save(value: T, directory: string): Promise<void>;
  /**
   * Reads from a directory written by `save`, or from a path given by the user.
   * @throws {DataError} when nothing of this kind lies there
   */
  load(path: string): Promise<T>;
}

/** Keys by the name that a stage gives to an input or output. */
export type ArtifactKeys = Readonly<Record<string, ArtifactKey<unknown>>>;

/** The value behind a key. */
export type ArtifactValue<K> = K extends ArtifactKey<infer T> ? T : never;

/** Values by input or output name. */
export type ArtifactValues<Keys extends ArtifactKeys> = {
  readonly [K in keyof Keys]: ArtifactValue<Keys[K]>;
};

/** An artifact that is a directory of files and is handed over by path, such as a model directory. */
export interface DirectoryArtifact {
  readonly directory: string;
}

/** A key for values of type `T`, under which stages hand them on. */
export function defineArtifact<T>(key: ArtifactKey<T>): ArtifactKey<T> {
  return key;
}

/**
 * A key whose value is a directory, handed over by path.
 *
 * A stage writes straight into `context.artifactDirectory(name)` and returns `{ directory }`; any other directory is copied.
 * @param options.check - looks into the directory when it is loaded and throws {@link DataError} when it is of another kind
 */
export function defineDirectoryArtifact(options: {
  readonly kind: string;
  readonly description: string;
  readonly check?: (directory: string) => Promise<void>;
}): ArtifactKey<DirectoryArtifact> {
  const { kind, description, check } = options;
  return {
    kind,
    description,
    async save(value, directory) {
      if (resolve(value.directory) === resolve(directory)) return;
      await cp(value.directory, directory, { recursive: true });
    },
    async load(path) {
      const found = await stat(path).catch(() => undefined);
      if (!found?.isDirectory()) {
        throw new DataError(`${path}: no directory is there; a ${kind} is a directory`, {
          details: { kind, path },
        });
      }
      await check?.(path);
      return { directory: path };
    },
  };
}
