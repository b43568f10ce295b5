export {
  type ArtifactKey,
  type ArtifactKeys,
  type ArtifactValue,
  type ArtifactValues,
  type DirectoryArtifact,
  defineArtifact,
  defineDirectoryArtifact,
} from "./artifacts.js";
export type {
  Backend,
  CompileOptions,
  DeviceTensor,
  Executable,
  FileRegion,
  Rows,
  RunOptions,
  RuntimeDescription,
} from "./backend.js";
export { broadcastSource, operandsOf } from "./broadcast.js";
export {
  type Checkpoint,
  type CheckpointContent,
  type CheckpointStore,
  type CheckpointStoreOptions,
  createCheckpointStore,
  type SaveableTensor,
} from "./checkpoint.js";
export {
  type Argument,
  type CompiledFunction,
  type CompileFunctionOptions,
  compileFunction,
  type TraceStore,
} from "./compile.js";
export { replaceDirectory, replaceFile } from "./durable-files.js";
export { describeEnvironment, type Environment, peakResidentBytes } from "./environment.js";
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
export { NonFiniteError, requireFinite } from "./finite.js";
export { accumulatedGradients, checkpoint, decompose, differentiate, gradients } from "./gradient.js";
export { intermediateBytes } from "./graph-memory.js";
export { type ImportOptions, importExport } from "./import-export.js";
export { inlineGraph } from "./inline.js";
export { checkInput, type Engine, interpreterBackend, type Kernel, type KernelTable } from "./interpreter.js";
export { shouldCheckpoint, stopIfInterrupted } from "./interruption.js";
export { legalize } from "./legalize.js";
export { createLogger, type Logger, type LogLevel, prefixLogger, silentLogger } from "./logger.js";
export { createMetricsFile } from "./metrics-file.js";
export type {
  CompositeAttributes,
  CompositeName,
  OpAttributes,
  OpName,
  PrimitiveAttributes,
  PrimitiveName,
} from "./ops/attributes.js";
export {
  abs,
  add,
  and,
  apply,
  argMax,
  attention,
  barrier,
  broadcast,
  broadcastShape,
  cachedAttention,
  cast,
  clamp,
  collectRows,
  concat,
  constant,
  cos,
  div,
  equal,
  erf,
  exp,
  fill,
  gelu,
  input,
  iota,
  layerNorm,
  less,
  lessEqual,
  linear,
  linearTokenLogProbs,
  log,
  logSigmoid,
  logSoftmax,
  type MatMulOptions,
  matMul,
  max,
  maximum,
  mean,
  minimum,
  mul,
  neg,
  not,
  type Operand,
  or,
  pad,
  reshape,
  rmsNorm,
  rotary,
  scatterAddRows,
  scatterAlongLast,
  select,
  sigmoid,
  silu,
  sin,
  slice,
  softmax,
  spreadRows,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  sumSquares,
  takeAlongLast,
  takeRows,
  tanh,
  transpose,
  transposeLast,
  updateSlice,
  zeros,
} from "./ops/build.js";
export type {
  CompositeDefinition,
  Evaluate,
  GradientContext,
  GradientRule,
  PrimitiveDefinition,
} from "./ops/definition.js";
export { findIdInputs, type IdInput } from "./ops/id-inputs.js";
export { checkIds, checkRange } from "./ops/indexing.js";
export { compositeNames, compositeTable, isComposite, primitiveNames, primitives } from "./ops/table.js";
export {
  type AdamWScalars,
  type AdamWSettings,
  type AdamWTensors,
  adamWScalars,
  adamWStep,
  type TensorRecord,
} from "./optimizers/adamw.js";
export {
  createOptimizer,
  disposeAll,
  type Optimizer,
  type OptimizerSnapshot,
  readAll,
  uploadAll,
} from "./optimizers/optimizer.js";
export { checkpointTensors, savedOptimizer } from "./optimizers/saved.js";
export { learningRate, type Schedule, type ScheduleType, scheduleTypes } from "./optimizers/schedule.js";
export {
  type PipelineResult,
  planPipeline,
  type RunPipelineOptions,
  resolveConfig,
  runPipeline,
} from "./pipeline.js";
export {
  type BackendFactory,
  definePlugin,
  loadPlugin,
  type Plugin,
  type TrackerContext,
  type TrackerFactory,
} from "./plugin.js";
export {
  fromCode,
  fromPaper,
  ownChoice,
  type PresetOrigin,
  type PresetValue,
  presetConfig,
  type StagePreset,
  type StagePresets,
  valuesOf,
} from "./preset.js";
export { type PrintOptions, printGraph, sourceLine } from "./print.js";
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
export { type ReferenceOptions, referenceBackend } from "./reference.js";
export { createRegistry, type Registry } from "./registry.js";
export {
  checkRunDirectory,
  openRunDirectory,
  type RunDirectory,
  type RunDirectoryOptions,
  runFiles,
} from "./run-directory.js";
export {
  type ConfigSchema,
  defineStage,
  type PlanContext,
  type StageContext,
  type StageDefinition,
  type StageInputs,
  type StageOptions,
  type StagePlan,
  type TrainingContext,
} from "./stage.js";
export {
  countUses,
  type Graph,
  isSameTensor,
  type Operation,
  resultsOf,
  type Tensor,
  TensorMap,
  topologicalOrder,
} from "./tensor.js";
export { isTensor, isTensorType, type Trace, trace } from "./trace.js";
export {
  createTracker,
  type Metrics,
  type MetricsRecord,
  type MetricsSink,
  type RunOutcome,
  renameMetrics,
  silentTracker,
  type Tracker,
} from "./tracker.js";
export { flattenTree, type MapTree, mapTree, type Tree } from "./tree.js";
export {
  bool,
  bytesPerElement,
  type DType,
  exactDivide,
  float32,
  formatType,
  type HostData,
  type HostTensor,
  int32,
  type Shape,
  sameShape,
  sameType,
  sizeOf,
  stridesOf,
  type TensorType,
} from "./types.js";
export {
  checkWiring,
  type InputReference,
  type InputSource,
  type Pipeline,
  type PipelineStage,
  type WiredPipeline,
  type WiredStage,
  type WiringOptions,
} from "./wiring.js";
