/** What data-making stages hand to training stages: directories with `train.jsonl`, and `eval.jsonl` if there is one. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { type ArtifactKey, DataError, type DirectoryArtifact, defineDirectoryArtifact } from "@alignkit/core";

/** Names of the files in a directory of data; the second may be absent. */
export const dataFiles = { train: "train.jsonl", evaluation: "eval.jsonl" } as const;

/** Rows with `{prompt, completion}`, `{messages}`, `{input_ids, labels?}` or `{text}`. */
export const demonstrationsArtifact = dataArtifact(
  "demonstrations",
  "Directory with demonstrations in train.jsonl, and held-out ones in eval.jsonl if there are any",
);

/** Rows with `{prompt, responses, ranks}` or `{prompt, chosen, rejected}`. */
export const rankingsArtifact = dataArtifact(
  "rankings",
  "Directory with rankings in train.jsonl, and held-out ones in eval.jsonl if there are any",
);

/** Rows with `{prompt}`, `{messages}` or `{input_ids}`. */
export const promptsArtifact = dataArtifact(
  "prompts",
  "Directory with prompts in train.jsonl, and held-out ones in eval.jsonl if there are any",
);

/** Rows with `{text}` or `{input_ids, labels?}`. */
export const textsArtifact = dataArtifact(
  "texts",
  "Directory with raw texts in train.jsonl, and held-out ones in eval.jsonl if there are any",
);

function dataArtifact(kind: string, description: string): ArtifactKey<DirectoryArtifact> {
  return defineDirectoryArtifact({
    kind,
    description,
    async check(directory) {
      if (await exists(join(directory, dataFiles.train))) return;
      throw new DataError(
        `${directory}: ${dataFiles.train} is not there; ${kind} are a directory with ${dataFiles.train}`,
        { details: { directory } },
      );
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
