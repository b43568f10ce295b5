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
export { familyNames } from "./families/table.js";
export { initializeParameters, type NormalSource, type ParameterValue } from "./initialize.js";
export {
  isDecayParameter,
  type LayerNames,
  type LinearNames,
  type NormNames,
  type ParameterNames,
  type ParameterSpecification,
  type ProjectionNames,
  parameterNames,
  parameterShapes,
  parameterSpecifications,
} from "./parameters.js";
