/** Runs or plans a pipeline, as every training verb does. */
import { relative } from "node:path";
import { type Backend, checkWiring, type Pipeline, type Registry, runPipeline } from "@alignkit/core";
import { exitCodeOf } from "../failure.js";
import type { BackendChoice } from "../options/backend-option.js";
import { writeReport } from "../report/write-report.js";
import type { Session } from "../session.js";
import { formatTable } from "../terminal/format.js";
import { interruptedExitCode, withInterruption } from "../terminal/interruption.js";
import { createTerminalLogger } from "../terminal/logger.js";
import { createTerminalProgress } from "../terminal/progress.js";
import { packageVersions } from "../version.js";
import { describePlan } from "./plan.js";

export interface RunRequest {
  readonly pipeline: Pipeline;
  readonly registry: Registry;
  readonly backend: BackendChoice;
  readonly seed: number;
  readonly runDirectory: string;
  /** Where relative paths of the pipeline start. */
  readonly baseDirectory: string;
  readonly resume?: boolean | undefined;
  readonly acceptChangedConfig?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

/** Results go to stdout, everything else to stderr. */
export async function runInTerminal(session: Session, request: RunRequest): Promise<void> {
  const { terminal, screen, paint } = session;
  const { registry, baseDirectory } = request;
  const logger = createTerminalLogger(screen, paint, session.isDebug);
  const factory = registry.backend(request.backend.name);
  // What is wrong with the pipeline is told before a backend is made, which takes a moment.
  const wired = await checkWiring(registry, request.pipeline, { baseDirectory });
  if (request.dryRun === true) {
    terminal.stdout.write(await describePlan(wired, { ...request, logger }));
    return;
  }
  const backend = await factory.create(request.backend.options);
  const shown = (path: string) => relative(terminal.workingDirectory, path) || ".";
  screen.line(
    paint(
      "dim",
      `run directory ${shown(request.runDirectory)}, backend ${backend.name}, seed ${request.seed}`,
    ),
  );
  try {
    const { artifacts, report } = await runAndReport(session, request, backend);
    const rows = Object.entries(artifacts).map(([name, path]) => [name, shown(path)]);
    terminal.stdout.write(formatTable([...rows, ["report", shown(report)]]));
  } finally {
    await backend.dispose();
  }
}

async function runAndReport(session: Session, request: RunRequest, backend: Backend) {
  const { terminal, screen, paint } = session;
  const announce = () =>
    screen.line(
      paint("yellow", "stops after this step and saves; Ctrl-C again ends at once, without saving"),
    );
  try {
    const { artifacts } = await withInterruption(terminal, announce, (signal) =>
      runPipeline(request.pipeline, {
        ...request,
        backend,
        signal,
        logger: createTerminalLogger(screen, paint, session.isDebug),
        progress: createTerminalProgress(screen, () => performance.now()),
        packages: packageVersions(),
      }),
    );
    return { artifacts, report: await writeReport(request.runDirectory) };
  } catch (error) {
    // Bad usage has not touched the run; after anything else the report shows how far it came.
    if (exitCodeOf(error) !== 2) await writeReport(request.runDirectory);
    if (exitCodeOf(error) === interruptedExitCode) screen.line(`resume with: ${resumeCommand(session.argv)}`);
    throw error;
  }
}

/** The same command, which goes on. */
function resumeCommand(argv: readonly string[]): string {
  const words = argv.includes("--resume") ? argv : [...argv, "--resume"];
  const quoted = words.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
  );
  return ["alignkit", ...quoted].join(" ");
}
