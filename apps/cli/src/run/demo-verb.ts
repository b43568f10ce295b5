/** `alignkit demo`. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { runFiles } from "@alignkit/core";
import type { DemoFlags } from "../commands/demo.js";
import { runDemo } from "../demo/demo.js";
import { formatResults } from "../demo/table.js";
import { type BackendChoice, defaultBackend, parseBackend } from "../options/backend-option.js";
import { loadRegistry } from "../plugins.js";
import type { Session } from "../session.js";
import { withRun } from "./run-in-terminal.js";

/**
 * The demo's matrices are so small that a second thread costs more than it gives, far more on a busy machine; and a seed
 * gives the same bytes on every machine of a kind, however many cores it has.
 */
const demoBackend: BackendChoice = { ...defaultBackend, options: { threads: 1 } };

/** A run that was stopped goes on; one that is finished shows its results again. */
export async function runDemoVerb(session: Session, flags: DemoFlags): Promise<void> {
  const { terminal } = session;
  const backend = flags.backend === undefined ? demoBackend : parseBackend(flags.backend);
  const registry = await loadRegistry([], terminal.workingDirectory);
  const seed = flags.seed ?? 0;
  const runDirectory = resolve(terminal.workingDirectory, flags.outputDir ?? "runs/demo");
  const setting = { factory: registry.backend(backend.name), backend, seed, runDirectory };
  await withRun(session, setting, async (options) => {
    const results = await runDemo({
      ...options,
      seed,
      outputDirectory: runDirectory,
      resume: existsSync(join(runDirectory, runFiles.config)),
      quick: flags.quick,
    });
    terminal.stdout.write(`${formatResults(results).trimEnd()}\n`);
  });
}
