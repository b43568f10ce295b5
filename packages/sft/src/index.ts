export { tokenizerArtifact } from "./artifacts.js";
export type { Example } from "./batches.js";
export {
  type PretrainConfig,
  pretrainConfig,
  type SftConfig,
  sftConfig,
  type TrainingConfig,
} from "./config.js";
export {
  completionLoss,
  type LabelledLogProbs,
  labelledLogProbs,
  sequenceMeanLoss,
  tokenAccuracy,
} from "./losses.js";
export { packTexts } from "./pack-texts.js";
export { sft } from "./plugin.js";
export { pretrainStage } from "./pretrain-stage.js";
export { sftStage } from "./stage.js";
export { type TrainOptions, trainLanguageModel } from "./train.js";
