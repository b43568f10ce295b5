/** The input of the stages that is neither a model nor data. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { DataError, defineDirectoryArtifact } from "@alignkit/core";

/** A directory with `tokenizer.json`. */
export const tokenizerArtifact = defineDirectoryArtifact({
  kind: "tokenizer",
  description: "Directory of a tokenizer",
  async check(directory) {
    await access(join(directory, "tokenizer.json")).catch((cause: unknown) => {
      throw new DataError(`${directory}: tokenizer.json is not there; a tokenizer is a directory with it`, {
        details: { directory },
        cause,
      });
    });
  },
});
