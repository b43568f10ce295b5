import { type Command, Option } from "commander";
import { backendOption, parseBoolean, parseCount, pluginOption } from "../options/run-options.js";
import { addVerb, debugOption, type Session } from "../session.js";

/** As commander gives them. */
export interface ScoreFlags {
  readonly model: string;
  readonly data: string;
  readonly out?: string;
  readonly batchSize?: number;
  readonly maxLength?: number;
  readonly tooLong?: "error" | "truncate";
  readonly appendEos?: boolean;
  readonly backend?: string;
  readonly plugin?: readonly string[];
}

/** `alignkit score` */
export function addScore(program: Command, session: Session): void {
  addVerb(
    program,
    "score",
    "Log-probabilities of texts under a language model, or scores of a reward model",
    [
      "score --model DIR --data texts.jsonl --out scores.jsonl",
      "score --model runs/reward/artifacts/reward.rewardModel --data answers.jsonl --out scores.jsonl",
    ],
  )
    .requiredOption("--model <directory>", "a language model or a reward model")
    .requiredOption(
      "--data <file>",
      "rows {text}, {prompt, completion} or {input_ids, labels?} (.jsonl, .json, .csv, .parquet)",
    )
    .option(
      "--out <file>",
      'rows {"logprobs", "nll", "tokens"} or {"score"}, in the order of the input (default: standard output)',
    )
    .option("--batch-size <integer>", "rows of one forward pass (default: 16)", parseCount)
    .option("--max-length <integer>", "tokens of the longest row (default: what the model can)", parseCount)
    .addOption(
      new Option("--too-long <name>", "what becomes of a longer row (default: error)").choices([
        "error",
        "truncate",
      ]),
    )
    .addOption(
      new Option(
        "--append-eos [true|false]",
        "score the end token, too (default: false; true for a reward model, which reads its score there)",
      ).argParser(parseBoolean),
    )
    .addOption(backendOption())
    .addOption(pluginOption())
    .option(...debugOption)
    .action(async (flags: ScoreFlags) => {
      const { scoreFile } = await import("../inference/score-file.js");
      await scoreFile(session, flags);
    });
}
