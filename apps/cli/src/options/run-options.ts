/** Options of every verb that trains. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { debugOption } from "../session.js";

export const pluginOption = () =>
  new Option(
    "--plugin <package or file>",
    "load a plugin: a package, a file (./stage.js), or either with #export; may be repeated",
  ).argParser((value, before: readonly string[] | undefined) => [...(before ?? []), value]);

export const backendOption = () =>
  new Option(
    "--backend <name>",
    "onnx, onnx:webgpu, onnx:cuda, tfjs:wasm, reference; with options: onnx,threads=2 (default: onnx)",
  );

export const seedOption = () =>
  new Option("--seed <integer>", "every random number follows from it (default: 0)").argParser(parseInteger);

export function parseInteger(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value)) throw new InvalidArgumentError("Give an integer.");
  return value;
}

export const presetOption = () =>
  new Option("--preset <name>", 'settings of a paper; flags and files are stronger ("alignkit presets")');

export const reportOption = () =>
  new Option(
    "--report-to <name>",
    "where metrics go besides metrics.jsonl: tensorboard, mlflow,uri=http://..; with metric_names=trl under TRL's names; may be repeated",
  ).argParser((value, before: readonly string[] | undefined) => [...(before ?? []), value]);

/** As commander gives them; absent when not on the command line. */
export interface RunFlags {
  readonly backend?: string;
  readonly seed?: number;
  readonly outputDir?: string;
  readonly resume?: true;
  readonly dryRun?: true;
  readonly preset?: string;
  readonly reportTo?: readonly string[];
  readonly acceptChangedConfig?: true;
  readonly plugin?: readonly string[];
}

export function addRunOptions(command: Command, defaultDirectory: string): Command {
  return command
    .addOption(backendOption())
    .addOption(seedOption())
    .option("--output-dir <directory>", `the run directory (default: ${defaultDirectory})`)
    .addOption(presetOption())
    .addOption(reportOption())
    .option("--resume", "go on with the run that is in the directory")
    .option(
      "--accept-changed-config",
      "resume although the config has changed; finished stages stay as they are",
    )
    .option(
      "--dry-run",
      "check everything; print the resolved config, the memory plan and the number of steps",
    )
    .addOption(pluginOption())
    .option(...debugOption);
}

/** A positive integer. */
export function parseCount(text: string): number {
  const value = parseInteger(text);
  if (value < 1) throw new InvalidArgumentError("Give a positive integer.");
  return value;
}

export function parseBoolean(text: string): boolean {
  if (text !== "true" && text !== "false") throw new InvalidArgumentError("Give true or false.");
  return text === "true";
}
