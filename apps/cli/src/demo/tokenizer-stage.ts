import { join } from "node:path";
import { type DirectoryArtifact, defineStage } from "@alignkit/core";
import {
  dataFiles,
  demonstrationsArtifact,
  readDemonstrations,
  readTexts,
  textsArtifact,
} from "@alignkit/data";
import { tokenizerArtifact } from "@alignkit/sft";
import { saveTokenizer, trainByteLevelBpe } from "@alignkit/tokenizer";
import { z } from "zod";

/** A tokenizer of the raw texts and demonstrations. */
export const tokenizerStage = defineStage({
  name: "tokenizer",
  description: "Trains a byte-level BPE tokenizer",
  config: z.strictObject({
    vocabulary_size: z.int().positive().describe("Tokens, the 256 bytes and 3 special ones included"),
  }),
  consumes: { texts: textsArtifact, demonstrations: demonstrationsArtifact },
  produces: { tokenizer: tokenizerArtifact },

  async run({ artifactDirectory, logger }, { vocabulary_size: vocabularySize }, inputs) {
    const fileOf = ({ directory }: DirectoryArtifact) => join(directory, dataFiles.train);
    const records = [
      ...(await readTexts([fileOf(inputs.texts)])),
      ...(await readDemonstrations([fileOf(inputs.demonstrations)])),
    ];
    const texts = records.flatMap((record) =>
      record.kind === "text"
        ? [record.text]
        : record.kind === "completion"
          ? [record.prompt + record.completion]
          : [],
    );
    const tokenizer = trainByteLevelBpe({ texts, vocabularySize });
    const directory = artifactDirectory("tokenizer");
    await saveTokenizer(tokenizer, directory);
    logger.info(`${tokenizer.vocabularySize} tokens from ${texts.length} texts`);
    return { tokenizer: { directory } };
  },
});
