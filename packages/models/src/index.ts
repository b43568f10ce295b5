export { checkModel, policyArtifact, rewardModelArtifact } from "./artifacts.js";
export {
  type AttentionConfig,
  createModelConfig,
  type DecoderConfig,
  type DropoutConfig,
  declaredHead,
  type Head,
  type LearnedPositions,
  type MlpConfig,
  type ModelConfig,
  type NormConfig,
  parseModelConfig,
  type RotaryPositions,
  toHuggingFaceConfig,
} from "./config.js";
export { type DecoderInputs, hiddenStates, type TokenInputs } from "./decoder.js";
export type { ParameterTensors } from "./decoder-layer.js";
export {
  type LoadedModelDirectory,
  type ModelDirectory,
  type ReadModelOptions,
  readModelDirectory,
} from "./directory/load.js";
export {
  type OpenModelDirectory,
  openModelDirectory,
  readModelConfig,
  readTokenizerFiles,
  type StoredParameter,
} from "./directory/open.js";
export type {
  SafetensorsArrays,
  SafetensorsDtype,
  SafetensorsTensor,
} from "./directory/safetensors-dtypes.js";
export type { TensorEntry } from "./directory/safetensors-header.js";
export {
  openSafetensors,
  readSafetensors,
  type SafetensorsContents,
  type SafetensorsFile,
} from "./directory/safetensors-reader.js";
export { writeSafetensors } from "./directory/safetensors-writer.js";
export { type WeightDtype, type WriteModelOptions, writeModelDirectory } from "./directory/save.js";
export { type UploadedModel, uploadModelDirectory } from "./directory/upload.js";
export { type ResidualMasks, residualMasks } from "./dropout.js";
export { type ExportedDecoder, type ExportedValue, exportDecoder } from "./export/past-decoder.js";
export { familyNames } from "./families/table.js";
export { createGenerator, type Generator } from "./generation/generator.js";
export type { Generation, GenerationOptions, TokenEvent } from "./generation/options.js";
export {
  createSampler,
  type SampledToken,
  type Sampler,
  type SamplerSettings,
} from "./generation/sampler.js";
export { expandSamplingMasks, type SamplingMask } from "./generation/sampling-mask.js";
export { type TokenWeights, tokenWeights } from "./generation/weights.js";
export { logits, scalarScores, tokenLogProbs } from "./heads.js";
export { initializeParameters, type Model, type NumberSource, type ParameterValue } from "./initialize.js";
export { addLora, defaultLoraTargets, mergeLora, trainableNames, trainedOf, withLora } from "./lora.js";
export { type LoraConfig, loraScaling } from "./lora-config.js";
export {
  configToTrain,
  createModelOptimizer,
  createSharedWeights,
  type LoraFields,
  loraFields,
  type ModelStart,
  modelToTrain,
  type SharedWeights,
} from "./lora-training.js";
export { branchMask, causalMask, documentMask, leftPaddedMask } from "./masks.js";
export {
  decodingWeightBytes,
  forwardMemory,
  type PassShape,
  parameterBytes,
  runtimeBytes,
  trainingMemory,
  trainingRunMemory,
} from "./memory.js";
export { adamWSettings, type OptimizationConfig, optimizationFields, scheduleOf } from "./optimization.js";
export {
  cosineToZero,
  instructGptAdam,
  instructGptCosine,
  linearToZero,
  nplusAdamW,
  stiennonAdam,
  wholeModel,
  zieglerAdam,
} from "./optimization-presets.js";
export {
  isDecayParameter,
  type LayerNames,
  type LinearNames,
  type LoraNames,
  type NormNames,
  type ParameterNames,
  type ParameterSpecification,
  type ProjectionNames,
  parameterNames,
  parameterShapes,
  parameterSpecifications,
} from "./parameters.js";
export type { BatchOptions } from "./ragged-batches.js";
export {
  createRewardScorer,
  createScorer,
  type RewardScorer,
  type ScoredSequence,
  type Scorer,
  type ScorerSettings,
} from "./scoring.js";
export {
  attentionBlockOf,
  fileList,
  hostTensors,
  loopFields,
  maximumLength,
  parameterValues,
  trainingSteps,
} from "./training.js";
export { requireKnownIds } from "./vocabulary.js";
