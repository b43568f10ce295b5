import type { Command } from "commander";
import { backendOption, parseCount, pluginOption } from "../options/run-options.js";
import { addSamplingOptions, type SamplingFlags } from "../options/sampling-options.js";
import { addVerb, debugOption, type Session } from "../session.js";

/** As commander gives them. */
export interface GenerateFlags extends SamplingFlags {
  readonly model: string;
  readonly prompts: string;
  readonly out?: string;
  readonly ignoreEos?: boolean;
  readonly batchSize?: number;
  readonly backend?: string;
  readonly plugin?: readonly string[];
}

/** `alignkit generate` */
export function addGenerate(program: Command, session: Session): void {
  const command = addVerb(program, "generate", "Continues each prompt of a file", [
    "generate --model DIR --prompts prompts.jsonl --out responses.jsonl",
    "generate --model DIR --prompts prompts.jsonl --temperature 0 --max-new-tokens 64",
  ])
    .requiredOption("--model <directory>", "a language model")
    .requiredOption("--prompts <file>", "rows {prompt}, {messages} or {input_ids} (.jsonl, .csv, .parquet)")
    .option(
      "--out <file>",
      'the rows with {"response", "response_ids", "logprobs"}, in the order of the input (default: standard output)',
    );
  addSamplingOptions(command)
    .option("--ignore-eos", "go on to --max-new-tokens after an end token")
    .option("--batch-size <integer>", "prompts decoded at once (default: 16)", parseCount)
    .addOption(backendOption())
    .addOption(pluginOption())
    .option(...debugOption)
    .action(async (flags: GenerateFlags) => {
      const { generateFile } = await import("../inference/generate-file.js");
      await generateFile(session, flags);
    });
}
