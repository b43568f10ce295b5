/** Inputs of the stage: a model with either head, and directories of data that an earlier stage made or the user has. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { type ArtifactKey, DataError, type DirectoryArtifact, defineDirectoryArtifact } from "@alignkit/core";
import { readModelConfig } from "@alignkit/models";

/** Names of the files in a directory of data; the second may be absent. */
export const dataFiles = { train: "train.jsonl", evaluation: "eval.jsonl" } as const;

/**
 * What the reward model starts from: a policy, whose head is replaced, or a reward model, whose head is kept. It is of the
 * kind of policies, so that a pipeline takes the nearest one.
 */
export const initArtifact: ArtifactKey<DirectoryArtifact> = defineDirectoryArtifact({
  kind: "policy",
  description: "Model directory of a language model or of a reward model, with its tokenizer",
  async check(directory) {
    await readModelConfig(directory);
  },
});

/** `train.jsonl` and perhaps `eval.jsonl` with `{prompt, responses, ranks}` or `{prompt, chosen, rejected}`. */
export const rankingsArtifact = dataArtifact(
  "rankings",
  "Directory with rankings in train.jsonl, and held-out ones in eval.jsonl if there are any",
);

/** `train.jsonl` with `{prompt, completion}` or `{messages}`. */
export const demonstrationsArtifact = dataArtifact(
  "demonstrations",
  "Directory with demonstrations in train.jsonl",
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
