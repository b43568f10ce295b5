export { type Assessment, type AssessOptions, assess } from "./assessment.js";
export {
  type Demonstration,
  demonstrate,
  idealResponse,
  STYLE_SHARES,
  type Style,
} from "./demonstrations.js";
export {
  ATTRIBUTES,
  type Attribute,
  type Fact,
  holds,
  makeWorld,
  truth,
  type World,
} from "./facts.js";
export { type Evaluation, evaluateResponses, goldScore, preference, winRate } from "./gold.js";
export { agreement } from "./labelers/agreement.js";
export { corrupt, makeRankingItems, type RankingItem, responseMix } from "./labelers/corruption.js";
export { type Labeler, makeLabelers, rank, utility } from "./labelers/labelers.js";
export { LEXICON } from "./language/lexicon.js";
export { drawPrompt, makePrompts, type Prompt, promptText, SPLITS, type Split } from "./prompts.js";
export type { RandomSource } from "./random-source.js";
export { rawContinuation } from "./raw-text/dialogues.js";
export { makeRawCorpus, type RawCorpus, rawText } from "./raw-text/raw-text.js";
export { TASKS } from "./tasks/table.js";
export {
  type Judgement,
  type Slots,
  type TaskDefinition,
  USE_CASE_SHARES,
  type UseCase,
} from "./tasks/task.js";
