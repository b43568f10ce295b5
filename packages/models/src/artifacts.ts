/** What stages hand to each other: Hugging Face model directories, told apart by their head. */
import { type ArtifactKey, DataError, type DirectoryArtifact, defineDirectoryArtifact } from "@alignkit/core";
import { declaredHead, type Head } from "./config.js";
import { readModelConfig } from "./directory/load.js";

/** A language model that answers prompts: pretrained, fine-tuned or trained by reinforcement learning. */
export const policyArtifact: ArtifactKey<DirectoryArtifact> = defineDirectoryArtifact({
  kind: "policy",
  description: "Model directory of a language model, with its tokenizer",
  check: (directory) => checkHead(directory, "language_model", "a language model"),
});

/** A decoder with a scalar head and `reward_bias`. */
export const rewardModelArtifact: ArtifactKey<DirectoryArtifact> = defineDirectoryArtifact({
  kind: "reward-model",
  description: "Model directory of a reward model (one score per text), with its tokenizer",
  check: (directory) => checkHead(directory, "scalar", "a reward model"),
});

/** A directory that does not declare its head is judged by its weights, when they are read. */
async function checkHead(directory: string, expected: Head, what: string): Promise<void> {
  const head = declaredHead(await readModelConfig(directory), directory);
  if (head === null || head === expected) return;
  throw new DataError(`${directory}: holds a model with a ${head} head where ${what} is needed`, {
    details: { directory, head, expected },
  });
}
