/** Runs or plans a pipeline, as every training verb does. */
import { relative } from "node:path";
import {
  type BackendFactory,
  checkRunDirectory,
  checkWiring,
  type Pipeline,
  type Registry,
  type RunPipelineOptions,
  runPipeline,
  silentLogger,
  type WiringOptions,
} from "@alignkit/core";
import { exitCodeOf } from "../failure.js";
import { fetchPlaces } from "../hub/local-paths.js";
import type { BackendChoice } from "../options/backend-option.js";
import type { TrackerChoice } from "../options/tracker-option.js";
import { writeReport } from "../report/write-report.js";
import type { Session } from "../session.js";
import { formatTable } from "../terminal/format.js";
import { interruptedExitCode, withInterruption } from "../terminal/interruption.js";
import { createTerminalLogger } from "../terminal/logger.js";
import { createTerminalProgress } from "../terminal/progress.js";
import { packageVersions } from "../version.js";
import { checkFiles } from "./check-files.js";
import { describePlan } from "./plan.js";
import { checkTrackers } from "./trackers.js";

export interface RunRequest {
  readonly pipeline: Pipeline;
  readonly registry: Registry;
  readonly backend: BackendChoice;
  readonly seed: number;
  readonly trackers: readonly TrackerChoice[];
  readonly runDirectory: string;
  /** Where relative paths of the pipeline start. */
  readonly baseDirectory: string;
  /** Where a key of a stage's config stands, if in a file. */
  readonly placeOf?: WiringOptions["placeOf"];
  readonly resume?: boolean | undefined;
  readonly acceptChangedConfig?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

/** Results go to stdout, everything else to stderr. */
export async function runInTerminal(session: Session, request: RunRequest): Promise<void> {
  const { terminal, screen, paint } = session;
  const { registry } = request;
  const pipeline = (await fetchPlaces(session, request.pipeline)) as Pipeline;
  const factory = registry.backend(request.backend.name);
  // What is wrong with the pipeline or its place is told before a backend is made, which takes a moment.
  const wired = await checkWiring(registry, pipeline, request);
  await checkRunDirectory(request.runDirectory);
  // What a finished stage has read may be gone.
  if (request.resume !== true) checkFiles(wired, request);
  if (request.dryRun === true) {
    const logger = createTerminalLogger(screen, paint, session.isDebug);
    terminal.stdout.write(await describePlan(wired, { ...request, logger }));
    return;
  }
  const makeTrackers = checkTrackers(registry, request.trackers);
  await withRun(session, { ...request, factory }, async (options) => {
    const sinks = await makeTrackers(wired, {
      runDirectory: request.runDirectory,
      logger: options.logger ?? silentLogger,
      wallTime: () => Date.now(),
      environment: terminal.environment,
    });
    const { artifacts } = await runPipeline(pipeline, { ...request, ...options, sinks });
    const shown = Object.entries(artifacts).map(([name, path]) => [name, shownPath(session, path)]);
    terminal.stdout.write(formatTable(shown));
  });
}

/** What a run in a terminal hands to the pipeline. */
export type TerminalRunOptions = Pick<RunPipelineOptions, "signal" | "logger" | "progress" | "packages"> &
  Required<Pick<RunPipelineOptions, "backend">>;

export interface RunSetting {
  readonly factory: BackendFactory;
  readonly backend: BackendChoice;
  readonly seed: number;
  readonly runDirectory: string;
}

/** Does `work` with a backend, progress and Ctrl-C; afterwards, however it ended, the report is written. */
export async function withRun(
  session: Session,
  { factory, backend: choice, seed, runDirectory }: RunSetting,
  work: (options: TerminalRunOptions) => Promise<void>,
): Promise<void> {
  const { terminal, screen, paint } = session;
  const backend = await factory.create(choice.options);
  const shown = shownPath(session, runDirectory);
  screen.line(paint("dim", `run directory ${shown}, backend ${backend.name}, seed ${seed}`));
  const announce = () =>
    screen.line(
      paint("yellow", "stops after this step and saves; Ctrl-C again ends at once, without saving"),
    );
  try {
    await withInterruption(terminal, announce, (signal) =>
      work({
        backend,
        signal,
        logger: createTerminalLogger(screen, paint, session.isDebug),
        progress: createTerminalProgress(screen, () => performance.now()),
        packages: packageVersions(),
      }),
    );
    terminal.stdout.write(`report  ${shownPath(session, await writeReport(runDirectory))}\n`);
  } catch (error) {
    // Bad usage has not touched the run; after anything else the report shows how far it came.
    if (exitCodeOf(error) !== 2) await writeReport(runDirectory);
    if (exitCodeOf(error) === interruptedExitCode) screen.line(`go on with: ${resumeCommand(session.argv)}`);
    throw error;
  } finally {
    await backend.dispose();
  }
}

const shownPath = ({ terminal }: Session, path: string) => relative(terminal.workingDirectory, path) || ".";

/** The same command, which goes on. */
function resumeCommand(argv: readonly string[]): string {
  const words = argv.includes("--resume") ? argv : [...argv, "--resume"];
  const quoted = words.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
  );
  return ["alignkit", ...quoted].join(" ");
}
