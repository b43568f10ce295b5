import type { Command } from "commander";
import { parseCount } from "../options/run-options.js";
import { addVerb, debugOption, type Session } from "../session.js";

/** As commander gives them. */
export interface DataInspectFlags {
  readonly data: string;
  readonly tokenizer: string;
  readonly rows: number;
  readonly skip: number;
  readonly maxLength?: number;
  readonly tokens?: true;
}

/** `alignkit data inspect` */
export function addDataInspect(data: Command, session: Session): void {
  addVerb(data, "inspect", "Shows rows as a model is shown them: tokens, and which of them are learned", [
    "data inspect --data demonstrations.jsonl --tokenizer models/base",
    "data inspect --data rankings.parquet --tokenizer models/base --rows 1 --tokens",
  ])
    .requiredOption("--data <file>", "rows of any shape (.jsonl, .json, .csv, .parquet, each also .gz)")
    .requiredOption("--tokenizer <directory>", "a tokenizer, or a model with one")
    .option("--rows <integer>", "rows of the batch", parseCount, 4)
    .option("--skip <integer>", "rows before the first", parseCount)
    .option(
      "--max-length <integer>",
      "tokens of the longest row; longer ones are cut (default: all)",
      parseCount,
    )
    .option("--tokens", "one token a line, with its id")
    .option(...debugOption)
    .action(async (flags: DataInspectFlags) => {
      const { inspectFile } = await import("../data/inspect-file.js");
      await inspectFile(session, flags);
    });
}
