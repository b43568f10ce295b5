import type { Command } from "commander";
import { backendOption, seedOption } from "../options/run-options.js";
import { addVerb, debugOption, type Session } from "../session.js";

/** As commander gives them. */
export interface DemoFlags {
  readonly backend?: string;
  readonly seed?: number;
  readonly outputDir?: string;
  readonly quick?: true;
}

/** `alignkit demo` */
export function addDemo(program: Command, session: Session): void {
  addVerb(program, "demo", "Runs the whole way from a base model to an aligned one, on embedded data", [
    "demo",
    "demo --quick --output-dir runs/try",
    "demo --seed 1 --output-dir runs/seed-1",
  ])
    .option("--quick", "the same in seconds, with little of everything; its numbers mean nothing")
    .addOption(backendOption())
    .addOption(seedOption())
    .option("--output-dir <directory>", "the run directory; a run that is there goes on (default: runs/demo)")
    .option("--resume", "go on, as it does anyway")
    .option(...debugOption)
    .action(async (flags: DemoFlags) => {
      const { runDemoVerb } = await import("../run/demo-verb.js");
      await runDemoVerb(session, flags);
    });
}
