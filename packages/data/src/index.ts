export {
  dataFiles,
  demonstrationsArtifact,
  filesOf,
  promptsArtifact,
  rankingsArtifact,
  textsArtifact,
} from "./artifacts.js";
export { bucketLength, roundingStep } from "./bucket.js";
export {
  type Batch,
  type CollateOptions,
  collate,
  type PaddedRows,
  type PadOptions,
  padLeft,
  padRight,
} from "./collate.js";
export { type ConversationFormat, plainConversation, type Turn } from "./conversation.js";
export { type JsonLine, type JsonObject, readJsonLines } from "./json-lines.js";
export {
  type Cursor,
  createOrder,
  fileOrder,
  type Order,
  type OrderOptions,
  type Permutation,
  startOfData,
} from "./order.js";
export { dataErrorAt, type Origin } from "./origin.js";
export {
  type ReadRankingsOptions,
  readDemonstrations,
  readPrompts,
  readRankings,
  readTexts,
} from "./read.js";
export {
  type CompletionRecord,
  type ConversationRecord,
  type Demonstration,
  ignoredLabel,
  type Message,
  type PretokenizedRankingRecord,
  type PretokenizedRecord,
  type Prompt,
  type PromptRecord,
  type RankedResponsesRecord,
  type Ranking,
  type Text,
  type TextRecord,
} from "./records.js";
export { encodePair, type PromptAndCompletion, type TextTokenizer } from "./text-tokenizer.js";
export {
  type TokenizeDemonstrationsOptions,
  type TokenizedExample,
  type TokenizedExamples,
  tokenizeDemonstrations,
  tokenizeTexts,
} from "./tokenize-demonstrations.js";
export {
  type TokenizedPrompt,
  type TokenizedPrompts,
  type TokenizePromptsOptions,
  tokenizePrompts,
} from "./tokenize-prompts.js";
export {
  type RankedPair,
  rankedPairs,
  type TokenizedRanking,
  type TokenizedRankings,
  type TokenizeRankingsOptions,
  tokenizeRankings,
} from "./tokenize-rankings.js";
export type { TooLong, TooLongCounts } from "./too-long.js";
