import { type ArtifactKey, type DirectoryArtifact, defineDirectoryArtifact } from "@alignkit/core";
import { checkModel } from "@alignkit/models";

/**
 * What the reward model starts from: a policy, whose head is replaced, or a reward model, whose head is kept. It is of the
 * kind of policies, so that a pipeline takes the nearest one.
 */
export const initArtifact: ArtifactKey<DirectoryArtifact> = defineDirectoryArtifact({
  kind: "policy",
  description: "Model directory of a language model or of a reward model, with its tokenizer",
  check: (directory) => checkModel(directory),
});
