import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { ArtifactKey } from "./artifacts.js";
import type { Backend } from "./backend.js";
import { createCheckpointStore } from "./checkpoint.js";
import { describeEnvironment } from "./environment.js";
import { ConfigError, InterruptedError } from "./errors.js";
import { type Logger, prefixLogger, silentLogger } from "./logger.js";
import { createMetricsFile } from "./metrics-file.js";
import { type Clock, type Progress, silentProgress } from "./progress.js";
import { createRandom } from "./random.js";
import type { Registry } from "./registry.js";
import { emptyDirectory, openRunDirectory, type RunDirectory } from "./run-directory.js";
import type { StageContext, StageDefinition, StagePlan } from "./stage.js";
import { createTracker, type MetricsSink, type RunOutcome } from "./tracker.js";
import { checkWiring, type Pipeline, type WiredPipeline, type WiredStage } from "./wiring.js";

/** With what a pipeline runs, and where. */
export interface RunPipelineOptions {
  readonly registry: Registry;
  readonly backend: Backend;
  /** Made if it is not there. */
  readonly runDirectory: string;
  /** An integer; every random number of the run follows from it. */
  readonly seed: number;
  /** Where relative paths of the pipeline start, the working directory by default. */
  readonly baseDirectory?: string | undefined;
  /** Stops the run between two steps, after a checkpoint. */
  readonly signal?: AbortSignal | undefined;
  /** Where numbers go besides `metrics.jsonl`; closed at the end. */
  readonly sinks?: readonly MetricsSink[] | undefined;
  readonly logger?: Logger | undefined;
  readonly progress?: Progress | undefined;
  readonly now?: Clock | undefined;
  /** Go on with the run that is in the directory; finished stages are not run again. */
  readonly resume?: boolean | undefined;
  readonly acceptChangedConfig?: boolean | undefined;
  /** Checkpoints that remain per stage, 2 by default. */
  readonly keepCheckpoints?: number | undefined;
  /** Versions by package name, for `environment.json`. */
  readonly packages?: Readonly<Record<string, string>> | undefined;
  /** Commit of the code, for `environment.json`. */
  readonly commit?: string | undefined;
}

/** What a pipeline leaves behind. */
export interface PipelineResult {
  readonly runDirectory: string;
  /** Folders of the outputs by reference: `sft.policy`. */
  readonly artifacts: Readonly<Record<string, string>>;
}

/**
 * Runs the stages in order, each from the artifacts of the earlier ones.
 * @throws {WiringError} before any work, when the stages do not fit together
 * @throws {ConfigError} before any work, when the run directory is in use, or holds another run
 * @throws {InterruptedError} when the signal fired; the run can be resumed
 */
export async function runPipeline(pipeline: Pipeline, options: RunPipelineOptions): Promise<PipelineResult> {
  const { backend, seed, logger = silentLogger, resume = false, acceptChangedConfig } = options;
  const baseDirectory = resolve(options.baseDirectory ?? ".");
  // 1. Everything is checked before any work.
  const wired = await checkWiring(options.registry, pipeline, { baseDirectory });
  const outside = await loadOutsideInputs(wired);
  // 2. The run directory, new or as it was left.
  const directory = await openRunDirectory({
    path: resolve(options.runDirectory),
    config: resolveConfig(wired, seed),
    environment: describeEnvironment({
      backend: backend.name,
      packages: options.packages,
      commit: options.commit,
    }),
    logger,
    resume,
    acceptChangedConfig,
  });
  const sinks: MetricsSink[] = [...(options.sinks ?? [])];
  let outcome: RunOutcome = "failed";
  try {
    sinks.push(createMetricsFile(directory.metricsPath));
    // 3. The stages that are not finished.
    const artifacts: Record<string, string> = {};
    for (const stage of wired.stages) {
      if (directory.finished.has(stage.name)) {
        logger.info(`${stage.name}: finished before; not run again`);
      } else {
        const session = { ...options, directory, sinks, baseDirectory };
        await runStage(stage, await loadInputs(stage, directory, outside), session);
      }
      for (const output of Object.keys(stage.definition.produces)) {
        artifacts[`${stage.name}.${output}`] = directory.artifactDirectory(stage.name, output);
      }
    }
    outcome = "finished";
    return { runDirectory: directory.path, artifacts };
  } finally {
    for (const sink of sinks) await sink.close(outcome);
    await directory.close();
  }
}

/** What `config.json` holds: the pipeline with every default filled in. */
export function resolveConfig(wired: WiredPipeline, seed: number): unknown {
  const stages = wired.stages.map(({ name, definition, preset, config, inputs }) => ({
    use: definition.name,
    as: name,
    ...(preset === undefined ? {} : { preset }),
    config,
    inputs: Object.fromEntries(
      Object.entries(inputs).map(([input, source]) => [
        input,
        "path" in source ? { path: source.path } : `${source.stage}.${source.output}`,
      ]),
    ),
  }));
  return { seed, stages };
}

/** What each stage would do; stages without a plan of their own are named with an empty one. */
export async function planPipeline(
  wired: WiredPipeline,
  options: { readonly baseDirectory: string; readonly logger?: Logger | undefined },
): Promise<readonly { readonly stage: string; readonly plan: StagePlan }[]> {
  const outside = await loadOutsideInputs(wired);
  const plans: { readonly stage: string; readonly plan: StagePlan }[] = [];
  const outputsLike = new Map<string, unknown>();
  for (const { name, definition, config, inputs } of wired.stages) {
    const known: Record<string, unknown> = {};
    const pending = new Set<string>();
    for (const [input, source] of Object.entries(inputs)) {
      if ("stage" in source) pending.add(input);
      const value =
        "stage" in source
          ? outputsLike.get(`${source.stage}.${source.output}`)
          : outside.get(`${name}.${input}`);
      if (value !== undefined) known[input] = value;
    }
    const context = {
      name,
      pending,
      logger: prefixLogger(options.logger ?? silentLogger, name),
      resolvePath: (path: string) => resolve(options.baseDirectory, path),
    };
    const plan = (await definition.plan?.(context, config, known)) ?? {};
    for (const [output, value] of Object.entries(plan.outputsLike ?? {}))
      outputsLike.set(`${name}.${output}`, value);
    plans.push({ stage: name, plan });
  }
  return plans;
}

interface Session extends RunPipelineOptions {
  readonly directory: RunDirectory;
  readonly sinks: readonly MetricsSink[];
  readonly baseDirectory: string;
}

async function runStage(
  stage: WiredStage,
  inputs: Readonly<Record<string, unknown>>,
  session: Session,
): Promise<void> {
  const { name, definition, config } = stage;
  const { directory } = session;
  if (session.signal?.aborted === true) {
    throw new InterruptedError(`interrupted before stage "${name}"; the run can be resumed`, {
      details: { stage: name },
    });
  }
  await mkdir(directory.stageDirectory(name), { recursive: true });
  for (const output of Object.keys(definition.produces)) {
    await emptyDirectory(directory.artifactDirectory(name, output));
  }
  const outputs = await definition.run(createContext(stage, session), config, inputs);
  for (const [output, key] of Object.entries(definition.produces)) {
    const value = outputs[output];
    if (value === undefined) {
      throw new ConfigError(
        `stage "${definition.name}" ended without its output "${output}"; it must return one`,
        {
          details: { stage: name, output },
        },
      );
    }
    await key.save(value, directory.artifactDirectory(name, output));
  }
  await directory.markFinished(name);
}

function createContext({ name, definition }: WiredStage, session: Session): StageContext {
  const { directory, sinks, baseDirectory } = session;
  const logger = prefixLogger(session.logger ?? silentLogger, name);
  const checkpoints = createCheckpointStore({
    directory: join(directory.stageDirectory(name), "checkpoints"),
    logger,
    ...(session.keepCheckpoints === undefined ? {} : { keep: session.keepCheckpoints }),
  });
  let resumedFrom: number | undefined;
  return {
    name,
    backend: session.backend,
    random: createRandom(session.seed).split("stage").split(name),
    tracker: createTracker(name, sinks, () => resumedFrom),
    logger,
    progress: session.progress ?? silentProgress,
    checkpoints: {
      save: checkpoints.save,
      async latest() {
        const checkpoint = await checkpoints.latest();
        resumedFrom = checkpoint?.step;
        if (checkpoint !== undefined) logger.info(`resumes after step ${checkpoint.step}`);
        return checkpoint;
      },
    },
    signal: session.signal ?? new AbortController().signal,
    now: session.now ?? (() => performance.now()),
    directory: directory.stageDirectory(name),
    artifactDirectory(output) {
      if (!(output in definition.produces)) {
        throw new ConfigError(`stage "${definition.name}" has no output "${output}"`, {
          details: { output },
        });
      }
      return directory.artifactDirectory(name, output);
    },
    resolvePath: (path) => resolve(baseDirectory, path),
  };
}

/** Inputs given by path, by `stage.input`: loaded first, so that a wrong one stops the run before any work. */
async function loadOutsideInputs(wired: WiredPipeline): Promise<ReadonlyMap<string, unknown>> {
  const values = new Map<string, unknown>();
  for (const { name, definition, inputs } of wired.stages) {
    for (const [input, source] of Object.entries(inputs)) {
      if ("path" in source) values.set(`${name}.${input}`, await keyOf(definition, input).load(source.path));
    }
  }
  return values;
}

/** Inputs from earlier stages are read back from the disk, so that a resumed run sees what an uninterrupted one does. */
async function loadInputs(
  { name, definition, inputs }: WiredStage,
  directory: RunDirectory,
  outside: ReadonlyMap<string, unknown>,
): Promise<Record<string, unknown>> {
  const values: Record<string, unknown> = {};
  for (const [input, source] of Object.entries(inputs)) {
    values[input] =
      "path" in source
        ? outside.get(`${name}.${input}`)
        : await keyOf(definition, input).load(directory.artifactDirectory(source.stage, source.output));
  }
  return values;
}

function keyOf(definition: StageDefinition, input: string): ArtifactKey<unknown> {
  return (definition.consumes[input] ?? definition.optionalConsumes[input]) as ArtifactKey<unknown>;
}
