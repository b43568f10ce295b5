import { type Command, Option } from "commander";
import { addRunOptions, type RunFlags } from "../options/run-options.js";
import { addVerb, type Session } from "../session.js";

export interface PipelineFlags extends RunFlags {
  readonly set?: readonly string[];
}

/** `alignkit run pipeline.yaml` */
export function addRun(program: Command, session: Session): void {
  const command = addVerb(program, "run", "Runs a pipeline of stages from a YAML file", [
    "run pipeline.yaml",
    "run pipeline.yaml --dry-run",
    "run pipeline.yaml --set sft.learning_rate=1e-5 --set ppo.max_steps=20 --output-dir runs/try",
    "run pipeline.yaml --resume",
  ])
    .argument(
      "<pipeline>",
      "YAML file: plugins, backend, seed, output_dir, preset, stages; its paths start at the file",
    )
    .addOption(
      new Option("--set <stage.key=value>", "change one key of a stage's config; may be repeated").argParser(
        (value, before: readonly string[] | undefined) => [...(before ?? []), value],
      ),
    );
  addRunOptions(command, "runs/<name of the file>").action(async (path: string, flags: PipelineFlags) => {
    const { runPipelineFile } = await import("../run/pipeline-file.js");
    await runPipelineFile(session, path, flags);
  });
}
