/** What the demo's own stages hand to each other, beside the artifacts of alignkit's stages. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ArtifactKey, DataError, defineArtifact } from "@alignkit/core";
import type { Labeler, Prompt, World } from "@alignkit/world";
import type { Results } from "./results.js";

/** A world with the people in it, and what is asked of a model. */
export interface Setting {
  readonly world: World;
  /** Their rankings train the reward model. */
  readonly trainingLabelers: readonly Labeler[];
  /** Their rankings are for evaluation only. */
  readonly heldOutLabelers: readonly Labeler[];
  /** Answered by the fine-tuned model and ranked for the reward model. */
  readonly rankingPrompts: readonly Prompt[];
  /** The same for the held-out rankings. */
  readonly heldOutRankingPrompts: readonly Prompt[];
  /** Held out by content: no other wording of them is in any training data. */
  readonly evaluationPrompts: readonly Prompt[];
}

export const settingArtifact = jsonArtifact<Setting>({
  kind: "demo-setting",
  description: "The demo's world, its simulated labelers and its prompts",
  file: "setting.json",
});

export const resultsArtifact = jsonArtifact<Results>({
  kind: "demo-results",
  description: "What the demo measured",
  file: "results.json",
});

function jsonArtifact<T>(options: {
  readonly kind: string;
  readonly description: string;
  readonly file: string;
}): ArtifactKey<T> {
  const { kind, description, file } = options;
  return defineArtifact<T>({
    kind,
    description,
    save: (value, directory) => writeFile(join(directory, file), `${JSON.stringify(value, null, 1)}\n`),
    async load(path) {
      const text = await readFile(join(path, file), "utf8").catch((cause: unknown) => {
        throw new DataError(`${path}: ${file} cannot be read; a ${kind} is a directory with ${file}`, {
          cause,
        });
      });
      return JSON.parse(text) as T;
    },
  });
}
