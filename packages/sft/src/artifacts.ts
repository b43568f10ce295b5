/** Inputs of the stages that are not models: directories that an earlier stage made or the user has. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { type ArtifactKey, DataError, type DirectoryArtifact, defineDirectoryArtifact } from "@alignkit/core";

/** Names of the files in a directory of data; the second may be absent. */
export const dataFiles = { train: "train.jsonl", evaluation: "eval.jsonl" } as const;

/** `train.jsonl` and perhaps `eval.jsonl` with `{prompt, completion}`, `{messages}`, `{input_ids, labels?}` or `{text}`. */
export const demonstrationsArtifact = directoryWith(
  "demonstrations",
  "Directory with demonstrations in train.jsonl, and held-out ones in eval.jsonl if there are any",
  dataFiles.train,
);

/** `train.jsonl` and perhaps `eval.jsonl` with `{text}` or `{input_ids, labels?}`. */
export const textsArtifact = directoryWith(
  "texts",
  "Directory with raw texts in train.jsonl, and held-out ones in eval.jsonl if there are any",
  dataFiles.train,
);

/** A directory with `tokenizer.json`. */
export const tokenizerArtifact = directoryWith("tokenizer", "Directory of a tokenizer", "tokenizer.json");

function directoryWith(kind: string, description: string, file: string): ArtifactKey<DirectoryArtifact> {
  return defineDirectoryArtifact({
    kind,
    description,
    async check(directory) {
      if (await exists(join(directory, file))) return;
      throw new DataError(`${directory}: ${file} is not there; ${kind} are a directory with ${file}`, {
        details: { directory, file },
      });
    },
  });
}

/** The data files of a directory: those for training, and the held-out ones. */
export async function filesOf({ directory }: DirectoryArtifact): Promise<{
  readonly train: readonly string[];
  readonly evaluation: readonly string[];
}> {
  const evaluation = join(directory, dataFiles.evaluation);
  return {
    train: [join(directory, dataFiles.train)],
    evaluation: (await exists(evaluation)) ? [evaluation] : [],
  };
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
