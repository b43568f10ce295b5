/** Options of every verb that samples. */
import { type Command, InvalidArgumentError } from "commander";
import { parseCount, seedOption } from "./run-options.js";

/** As commander gives them. */
export interface SamplingFlags {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly maxNewTokens?: number;
  readonly seed?: number;
}

export const defaultMaxNewTokens = 128;

export function addSamplingOptions(command: Command): Command {
  return command
    .option(
      "--temperature <number>",
      "divides the logits; 0 takes the most likely token (default: 1)",
      parseNumber,
    )
    .option("--top-k <integer>", "only so many of the most likely tokens (default: all)", parseCount)
    .option(
      "--top-p <number>",
      "only the most likely tokens with this probability together (default: 1)",
      parseNumber,
    )
    .option(
      "--max-new-tokens <integer>",
      `most tokens of a response (default: ${defaultMaxNewTokens})`,
      parseCount,
    )
    .addOption(seedOption());
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("Give a number.");
  return value;
}
