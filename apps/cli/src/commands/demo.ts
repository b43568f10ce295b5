import type { Command } from "commander";
import { backendOption, seedOption } from "../options/run-options.js";
import { addVerb, debugOption, type Session } from "../session.js";

interface DemoFlags {
  readonly backend?: string;
  readonly seed?: number;
  readonly outputDir?: string;
  readonly resume?: true;
}

/** `alignkit demo` */
export function addDemo(program: Command, session: Session): void {
  addVerb(program, "demo", "Runs the whole way from a base model to an aligned one, on embedded data", [
    "demo",
    "demo --output-dir runs/demo --seed 1",
  ])
    .addOption(backendOption())
    .addOption(seedOption())
    .option("--output-dir <directory>", "the run directory (default: runs/demo)")
    .option("--resume", "go on with the run that is in the directory")
    .option(...debugOption)
    .action(async (flags: DemoFlags) => {
      const { runDemoVerb } = await import("../run/demo-verb.js");
      await runDemoVerb(session, flags);
    });
}
