/** What stages hand to each other: Hugging Face model directories, told apart by their head. */
import { join } from "node:path";
import { type ArtifactKey, DataError, type DirectoryArtifact, defineDirectoryArtifact } from "@alignkit/core";
import { declaredHead, type Head } from "./config.js";
import { readModelConfig } from "./directory/open.js";
import { requireOwnPadding } from "./padding.js";

/** A language model that answers prompts: pretrained, fine-tuned or trained by reinforcement learning. */
export const policyArtifact: ArtifactKey<DirectoryArtifact> = defineDirectoryArtifact({
  kind: "policy",
  description: "Model directory of a language model, with its tokenizer",
  check: (directory) => checkModel(directory, { head: "language_model", what: "a language model" }),
});

/** A decoder with a scalar head and `reward_bias`. */
export const rewardModelArtifact: ArtifactKey<DirectoryArtifact> = defineDirectoryArtifact({
  kind: "reward-model",
  description: "Model directory of a reward model (one score per text), with its tokenizer",
  check: (directory) => checkModel(directory, { head: "scalar", what: "a reward model" }),
});

/** Where a model with that head comes from. */
const sources: Readonly<Record<Head, string>> = {
  language_model: "give the one that it was trained from, or another",
  scalar: 'the stage "reward" makes one',
};

/**
 * Refuses a directory that no stage should begin with, by its `config.json`. One that does not declare its head is judged
 * by its weights, when they are read.
 * @param expected - the head that is needed, where not both will do
 * @throws {ConfigError} when the padding token also ends a text
 * @throws {DataError} when the head is another one
 */
export async function checkModel(
  directory: string,
  expected?: { readonly head: Head; readonly what: string },
): Promise<void> {
  const config = await readModelConfig(directory);
  requireOwnPadding(config, join(directory, "config.json"));
  const head = declaredHead(config, directory);
  if (expected === undefined || head === null || head === expected.head) return;
  throw new DataError(
    `${directory}: holds a model with a ${head} head where ${expected.what} is needed; ${sources[expected.head]}`,
    { details: { directory, head, expected: expected.head } },
  );
}
