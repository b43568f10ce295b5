/** `alignkit demo`. */
import { resolve } from "node:path";
import type { DemoFlags } from "../commands/demo.js";
import { runDemo } from "../demo/demo.js";
import { formatResults } from "../demo/table.js";
import { defaultBackend, parseBackend } from "../options/backend-option.js";
import { loadRegistry } from "../plugins.js";
import type { Session } from "../session.js";
import { withRun } from "./run-in-terminal.js";

/** A run that was stopped goes on; one that is finished shows its results again. */
export async function runDemoVerb(session: Session, flags: DemoFlags): Promise<void> {
  const { terminal } = session;
  const backend = flags.backend === undefined ? defaultBackend : parseBackend(flags.backend);
  const registry = await loadRegistry([], terminal.workingDirectory);
  const seed = flags.seed ?? 0;
  const runDirectory = resolve(terminal.workingDirectory, flags.outputDir ?? "runs/demo");
  const setting = { factory: registry.backend(backend.name), backend, seed, runDirectory };
  await withRun(session, setting, async (options) => {
    const results = await runDemo({
      ...options,
      seed,
      outputDirectory: runDirectory,
      resume: true,
      quick: flags.quick,
    });
    terminal.stdout.write(`${formatResults(results).trimEnd()}\n`);
  });
}
