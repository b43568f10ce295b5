import { type DirectoryArtifact, defineStage, type PlanContext } from "@alignkit/core";
import { demonstrationsArtifact } from "@alignkit/data";
import { type ModelConfig, maximumLength, policyArtifact, writeModelDirectory } from "@alignkit/models";
import type { Tokenizer } from "@alignkit/tokenizer";
import { type SftConfig, sftConfig } from "./config.js";
import { type Examples, readSftExamples } from "./examples.js";
import { planTraining, readPolicy } from "./prepare.js";
import { sftPresets } from "./presets.js";
import { trainLanguageModel } from "./train.js";

/** Supervised fine-tuning: a language model and demonstrations make a policy. */
export const sftStage = defineStage({
  name: "sft",
  description: "Fine-tunes a language model on demonstrations; only completions are learned",
  config: sftConfig,
  presets: sftPresets,
  consumes: { init: policyArtifact },
  optionalConsumes: { demonstrations: demonstrationsArtifact },
  produces: { policy: policyArtifact },

  async run(context, config, inputs) {
    const { model, files, tokenizer } = await readPolicy(inputs.init);
    const examples = await readExamples(context, config, inputs.demonstrations, model.config, tokenizer);
    const parameters = await trainLanguageModel({
      context,
      config,
      model,
      examples: examples.train,
      evaluationExamples: examples.evaluation,
      packing: config.packing,
    });
    const directory = context.artifactDirectory("policy");
    await writeModelDirectory(directory, { ...model, parameters }, { overwrite: true, files });
    return { policy: { directory } };
  },

  async plan(context, config, inputs) {
    if (inputs.init === undefined) return { notes: ["the model comes from an earlier stage"] };
    const { model, tokenizer } = await readPolicy(inputs.init);
    maximumLength(config, model.config);
    if (config.train_files === null && inputs.demonstrations === undefined) {
      return { notes: ["the demonstrations come from an earlier stage"] };
    }
    const examples = await readExamples(context, config, inputs.demonstrations, model.config, tokenizer);
    return planTraining(config, model.config, examples);
  },
});

function readExamples(
  { resolvePath, logger }: Pick<PlanContext, "resolvePath" | "logger">,
  config: SftConfig,
  input: DirectoryArtifact | undefined,
  model: ModelConfig,
  tokenizer: Tokenizer | undefined,
): Promise<Examples> {
  return readSftExamples({
    config,
    input,
    inputName: "demonstrations",
    tokenizer,
    vocabularySize: model.vocabularySize,
    maximumLength: maximumLength(config, model),
    resolvePath,
    logger,
  });
}
