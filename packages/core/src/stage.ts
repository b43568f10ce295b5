import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { ArtifactKeys, ArtifactValues } from "./artifacts.js";
import type { Backend } from "./backend.js";
import type { CheckpointStore } from "./checkpoint.js";
import type { Logger } from "./logger.js";
import type { StagePresets } from "./preset.js";
import type { Clock, Progress } from "./progress.js";
import type { Random } from "./random.js";
import type { Tracker } from "./tracker.js";

/** A schema of any library that follows Standard Schema; those of zod 4 do. */
export type ConfigSchema = StandardSchemaV1;

/** What a stage may use; nothing else is global. */
export interface StageContext {
  /** The stage's name in this pipeline: `as` if given, else its own. */
  readonly name: string;
  readonly backend: Backend;
  /** Seeded from the run's seed and the stage's name; the same after a resume. */
  readonly random: Random;
  readonly tracker: Tracker;
  readonly logger: Logger;
  readonly progress: Progress;
  readonly checkpoints: CheckpointStore;
  /** Looked at between steps: `stopIfInterrupted`. */
  readonly signal: AbortSignal;
  readonly now: Clock;
  /** The stage's own folder in the run directory; it exists. */
  readonly directory: string;
  /** The folder of the output `name`; it exists and is empty when the stage begins or resumes. */
  artifactDirectory(name: string): string;
  /** Makes a path from the config absolute; relative ones start at the pipeline file. */
  resolvePath(path: string): string;
}

/** What a training loop needs of its stage's context. */
export type TrainingContext = Pick<
  StageContext,
  "name" | "backend" | "random" | "tracker" | "progress" | "checkpoints" | "signal" | "now"
>;

/** Inputs of a stage: the required ones, and the optional ones that were given. */
export type StageInputs<
  Consumes extends ArtifactKeys,
  Optional extends ArtifactKeys,
> = ArtifactValues<Consumes> & Partial<ArtifactValues<Optional>>;

/** What a stage would do, for `--dry-run`. */
export interface StagePlan {
  /** Optimizer steps, or whatever the stage's progress counts. */
  readonly steps?: number;
  /** Bytes by what they hold: `{ parameters: .., gradients: .., optimizer: .., activations: .. }`. */
  readonly memory?: Readonly<Record<string, number>>;
  /** More for people, a line each. */
  readonly notes?: readonly string[];
  /**
   * By output: an artifact that is there already and has the shapes and the tokenizer that the output will have, so that
   * later stages can be planned: a fine-tuned model is as large as the one it starts from.
   */
  readonly outputsLike?: Readonly<Record<string, unknown>>;
}

/** What a stage may use to say, before anything runs, what it will do. */
export interface PlanContext {
  readonly name: string;
  /** Inputs that an earlier stage has yet to make; one of them may be absent, or given in the shape of another. */
  readonly pending: ReadonlySet<string>;
  readonly logger: Logger;
  resolvePath(path: string): string;
}

/**
 * One step from artifacts to artifacts: a plain object, checked before anything runs.
 *
 * Types of config, inputs and outputs follow from the schema and the keys.
 */
export interface StageDefinition<
  Schema extends ConfigSchema = ConfigSchema,
  Consumes extends ArtifactKeys = ArtifactKeys,
  Optional extends ArtifactKeys = ArtifactKeys,
  Produces extends ArtifactKeys = ArtifactKeys,
> {
  readonly name: string;
  readonly description: string;
  readonly config: Schema;
  /** Settings that go by a name: `preset: instructgpt-1.3b`. */
  readonly presets?: StagePresets;
  readonly consumes: Consumes;
  /** Inputs that may be absent. */
  readonly optionalConsumes: Optional;
  readonly produces: Produces;
  /** What another library calls its metrics, by library: `{ trl: { "ppo/loss/policy": "loss/policy_avg" } }`. */
  readonly metricNames?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /**
   * Does the work, resuming from `context.checkpoints.latest()`.
   * @throws {InterruptedError} when the signal fired, after a checkpoint was saved
   */
  run(
    context: StageContext,
    config: StandardSchemaV1.InferOutput<Schema>,
    inputs: StageInputs<Consumes, Optional>,
  ): Promise<ArtifactValues<Produces>>;
  /** What `run` would do; inputs that an earlier stage has yet to make are absent. */
  plan?(
    context: PlanContext,
    config: StandardSchemaV1.InferOutput<Schema>,
    inputs: Partial<StageInputs<Consumes, Optional>>,
  ): Promise<StagePlan>;
}

/** A definition as it is written: without optional inputs the field may be left out. */
export type StageOptions<
  Schema extends ConfigSchema,
  Consumes extends ArtifactKeys,
  Optional extends ArtifactKeys,
  Produces extends ArtifactKeys,
> = Omit<StageDefinition<Schema, Consumes, Optional, Produces>, "optionalConsumes"> & {
  readonly optionalConsumes?: Optional;
};

const noKeys = {};

/** A stage as it is, its config and artifacts typed by its schema and keys. */
export function defineStage<
  Schema extends ConfigSchema,
  Consumes extends ArtifactKeys,
  Produces extends ArtifactKeys,
  Optional extends ArtifactKeys = Record<never, never>,
>(
  options: StageOptions<Schema, Consumes, Optional, Produces>,
): StageDefinition<Schema, Consumes, Optional, Produces> {
  return { ...options, optionalConsumes: options.optionalConsumes ?? (noKeys as Optional) };
}
