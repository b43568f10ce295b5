export {
  type ArtifactKey,
  type ArtifactKeys,
  type ArtifactValue,
  type ArtifactValues,
  type DirectoryArtifact,
  defineArtifact,
  defineDirectoryArtifact,
} from "./artifacts.js";
export type { Checkpoint, CheckpointContent, CheckpointStore, SaveableTensor } from "./checkpoint.js";
export {
  AlignkitError,
  type AlignkitErrorOptions,
  BackendError,
  CheckpointError,
  ConfigError,
  DataError,
  InterruptedError,
  isAlignkitError,
  ShapeMismatchError,
  WiringError,
} from "./errors.js";
export { shouldCheckpoint, stopIfInterrupted } from "./interruption.js";
export { createLogger, type Logger, type LogLevel, prefixLogger, silentLogger } from "./logger.js";
export { learningRate, type Schedule, type ScheduleType, scheduleTypes } from "./optimizers/schedule.js";
export { type BackendFactory, definePlugin, type Plugin } from "./plugin.js";
export {
  type Clock,
  createRateEstimator,
  type Progress,
  type ProgressTask,
  type RateEstimate,
  type RateEstimator,
  silentProgress,
} from "./progress.js";
export { createRandom, type Random, type RandomState, restoreRandom } from "./random.js";
export { createRegistry, type Registry } from "./registry.js";
export {
  type ConfigSchema,
  defineStage,
  type PlanContext,
  type StageContext,
  type StageDefinition,
  type StageInputs,
  type StageOptions,
  type StagePlan,
} from "./stage.js";
export {
  createTracker,
  type Metrics,
  type MetricsRecord,
  type MetricsSink,
  silentTracker,
  type Tracker,
} from "./tracker.js";
