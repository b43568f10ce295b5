export {
  dataFiles,
  demonstrationsArtifact,
  filesOf,
  promptsArtifact,
  rankingsArtifact,
  textsArtifact,
} from "./artifacts.js";
export { awaitAll } from "./await-all.js";
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
export {
  type ConvertOptions,
  convertRow,
  type StyleName,
  styleNames,
} from "./convert/convert-row.js";
export { type MixSource, mixRows } from "./convert/mix.js";
export { type Shape, type ShapeName, shapeNames, shapes } from "./convert/shapes.js";
export { createDuplicateFinder, type DuplicateFinder } from "./curation/duplicates.js";
export {
  type FewShotDemonstration,
  type FewShotOptions,
  fewShotDemonstrations,
  type Instance,
  type InstructionWithInstances,
} from "./curation/few-shot.js";
export {
  type FindPersonalInformation,
  findPersonalInformation,
} from "./curation/personal-information.js";
export {
  type DroppedRow,
  type DropReason,
  dropReasons,
  type KeptRow,
  type LengthLimits,
  type PrepareOptions,
  prepareRows,
} from "./curation/prepare.js";
export { type SplitName, type SplitShares, splitNames, splitOf } from "./curation/split.js";
export { capPerUser, noUser } from "./curation/user-cap.js";
export {
  type AnsweredPrompt,
  createAnswerEncoder,
  type EncodedAnswer,
} from "./encode-answer.js";
export { readRows } from "./files/read-rows.js";
export type { FileRow, JsonObject } from "./files/row.js";
export { createRowsFile, type NewRowsFile } from "./files/rows-file.js";
export { parseRow } from "./formats/any.js";
export {
  type Cursor,
  createOrder,
  fileOrder,
  type Order,
  type OrderOptions,
  type Permutation,
  startOfData,
} from "./order.js";
export { dataErrorAt, type Origin, placeOf } from "./origin.js";
export {
  type ReadRankingsOptions,
  readDemonstrations,
  readPrompts,
  readRankings,
  readTexts,
  streamDemonstrations,
  streamPrompts,
  streamRankings,
  streamTexts,
} from "./read.js";
export {
  eachRecord,
  longestFirst,
  type RecordList,
  type RecordStore,
  recordsAt,
  withRecordStore,
} from "./record-store.js";
export {
  type CompletionRecord,
  type Content,
  type ConversationRankingRecord,
  type ConversationRecord,
  type DataRecord,
  type Demonstration,
  ignoredLabel,
  type Message,
  type PretokenizedRankingRecord,
  type PretokenizedRecord,
  type Prompt,
  type PromptRecord,
  type RankedResponsesRecord,
  type Ranking,
  type StepwiseRecord,
  type Text,
  type TextRecord,
  type UnpairedPreferenceRecord,
} from "./records.js";
export { encodePair, type PromptAndCompletion, type TextTokenizer } from "./text-tokenizer.js";
export {
  createDemonstrationTokenizer,
  createTextCutter,
  type TokenizeDemonstrationsOptions,
  type TokenizedExample,
  type TokenizedExamples,
  tokenizeDemonstrations,
  tokenizeTexts,
} from "./tokenize-demonstrations.js";
export {
  createPromptTokenizer,
  type TokenizedPrompt,
  type TokenizedPrompts,
  type TokenizePromptsOptions,
  tokenizePrompts,
} from "./tokenize-prompts.js";
export {
  createRankingTokenizer,
  type RankedPair,
  rankedPairs,
  type TokenizedRanking,
  type TokenizedRankings,
  type TokenizeRankingsOptions,
  tokenizeRankings,
} from "./tokenize-rankings.js";
export { type RecordTokenizer, type TooLong, type TooLongCounts, tokenizeStream } from "./too-long.js";
