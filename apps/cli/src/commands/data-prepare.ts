import { type Command, InvalidArgumentError } from "commander";
import { parseCount, parseInteger, seedOption } from "../options/run-options.js";
import { addVerb, debugOption, type Session } from "../session.js";

/** As commander gives them. */
export interface DataPrepareFlags {
  readonly input: readonly string[];
  readonly output: string;
  readonly prefixLength: number | null;
  readonly userColumn: string;
  readonly maxPerUser: number | null;
  readonly evalShare: number;
  readonly testShare: number;
  readonly personalInformation: string;
  readonly tokenizer?: string;
  readonly maxPromptTokens: number;
  readonly maxResponseTokens: number;
  readonly fewShotCopies: number;
  readonly minShots: number;
  readonly maxShots: number;
  readonly seed?: number;
}

/** `alignkit data prepare` */
export function addDataPrepare(data: Command, session: Session): void {
  addVerb(data, "prepare", "Filters and divides prompts, demonstrations or rankings as InstructGPT did", [
    "data prepare --input prompts.jsonl --output data/prompts",
    "data prepare --input a.jsonl b.jsonl --output data/demonstrations --tokenizer models/base",
  ])
    .requiredOption(
      "--input <files...>",
      "rows of any shape with a prompt, or {instruction, instances} (.jsonl, .json, .csv, .parquet, each also .gz)",
    )
    .requiredOption("--output <directory>", "gets train.jsonl, eval.jsonl, test.jsonl and dropped.jsonl")
    .option(
      "--prefix-length <integer>",
      "of prompts with so many first characters in common one is kept; none keeps all",
      orNone(parseCount),
      128,
    )
    .option("--user-column <name>", "whose prompt it is; a row without it is a user of its own", "user_id")
    .option(
      "--max-per-user <integer>",
      "rows of one user, chosen by the seed; none keeps all",
      orNone(parseCount),
      200,
    )
    .option("--eval-share <number>", "part of the users whose rows become eval.jsonl", parseShare, 0.1)
    .option("--test-share <number>", "part of the users whose rows become test.jsonl", parseShare, 0)
    .option(
      "--personal-information <filter>",
      "leaves rows with personal information out of train: default, none, or a module whose default export is (text) => what was found or undefined",
      "default",
    )
    .option("--tokenizer <directory>", "counts tokens; without it no row is too long")
    .option("--max-prompt-tokens <integer>", "longer prompts are left out", parseCount, 1024)
    .option("--max-response-tokens <integer>", "rows with a longer response are left out", parseCount, 1024)
    .option(
      "--few-shot-copies <integer>",
      "demonstrations made of an instruction with instances",
      parseCount,
      4,
    )
    .option("--min-shots <integer>", "examples in front of each, at least", parseNatural, 1)
    .option("--max-shots <integer>", "examples in front of each, at most", parseNatural, 5)
    .addOption(seedOption())
    .option(...debugOption)
    .action(async (flags: DataPrepareFlags) => {
      const { prepareFiles } = await import("../data/prepare-files.js");
      await prepareFiles(session, flags);
    });
}

const orNone = (parse: (text: string) => number) => (text: string) => (text === "none" ? null : parse(text));

function parseNatural(text: string): number {
  const value = parseInteger(text);
  if (value < 0) throw new InvalidArgumentError("Give 0 or a positive integer.");
  return value;
}

function parseShare(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError("Give a number from 0 to 1.");
  return value;
}
