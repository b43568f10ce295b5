import type { ShapeName, StyleName } from "@alignkit/data";
import { type Command, InvalidArgumentError, Option } from "commander";
import { seedOption } from "../options/run-options.js";
import { addVerb, debugOption, type Session } from "../session.js";

/** As commander gives them. */
export interface DataConvertFlags {
  readonly input: readonly string[];
  readonly output: string;
  readonly to?: ShapeName;
  readonly style?: StyleName;
  readonly weights?: readonly number[];
  readonly seed?: number;
}

/** The library is not loaded for a help; a test compares these with its own. */
export const shapeChoices: readonly ShapeName[] = [
  "language-modeling",
  "prompt-only",
  "prompt-completion",
  "preference",
  "implicit-preference",
  "unpaired-preference",
  "stepwise-supervision",
  "ranking",
  "alpaca",
  "sharegpt",
];

const styleChoices: readonly StyleName[] = ["standard", "conversational"];

/** `alignkit data convert` */
export function addDataConvert(data: Command, session: Session): void {
  addVerb(data, "convert", "Writes rows in another shape, in another kind of file, or mixed", [
    "data convert --input train.parquet --output train.jsonl",
    "data convert --input rankings.jsonl --output pairs.csv --to preference --style conversational",
    "data convert --input a.jsonl b.jsonl.gz --weights 0.9 0.1 --output mixed.jsonl",
  ])
    .requiredOption("--input <files...>", "rows of any shape (.jsonl, .json, .csv, .parquet, each also .gz)")
    .requiredOption("--output <file>", ".jsonl, .json or .csv, each also .gz, or .parquet")
    .addOption(
      new Option("--to <shape>", "the shape of the rows (default: as they are)").choices(shapeChoices),
    )
    .addOption(
      new Option("--style <name>", "strings, or messages (default: as they are)").choices(styleChoices),
    )
    .option(
      "--weights <numbers...>",
      "mixes the files, one weight for each; ends with the first that has no more rows (default: one after another)",
      (text, before: readonly number[] | undefined) => [...(before ?? []), parseWeight(text)],
    )
    .addOption(seedOption())
    .option(...debugOption)
    .action(async (flags: DataConvertFlags) => {
      const { convertFiles } = await import("../data/convert-files.js");
      await convertFiles(session, flags);
    });
}

function parseWeight(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value > 0 && Number.isFinite(value)))
    throw new InvalidArgumentError("Give a number above 0.");
  return value;
}
