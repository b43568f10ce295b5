/** Validated records, one for each line of a data file. */
import type { JsonObject } from "./files/row.js";
import type { Origin } from "./origin.js";

interface RecordBase {
  readonly origin: Origin;
  /** The line as it stands in the file, columns that alignkit does not know included. */
  readonly row: JsonObject;
}

/** `{text}`: every token is learned. */
export interface TextRecord extends RecordBase {
  readonly kind: "text";
  readonly text: string;
}

/** `{prompt, completion}`: only the completion is learned. */
export interface CompletionRecord extends RecordBase {
  readonly kind: "completion";
  readonly prompt: string;
  readonly completion: string;
}

/** One message of a conversation. */
export interface Message {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content: string;
  /** What else a chat template may read, such as `tool_calls`. */
  readonly [field: string]: unknown;
}

/** What somebody says: plain text, or messages. */
export type Content = string | readonly Message[];

/** `{messages}`, or `{prompt, completion}` of messages: only the assistant's turns are learned. */
export interface ConversationRecord extends RecordBase {
  readonly kind: "conversation";
  readonly messages: readonly Message[];
  /** Messages before this one are a prompt: they are not learned, whoever speaks. Default 0. */
  readonly learnedFrom?: number;
}

/** `{input_ids, labels?}`: used as it is; a label of -100 is not learned. */
export interface PretokenizedRecord extends RecordBase {
  readonly kind: "pretokenized";
  /** `[T]` */
  readonly inputIds: Int32Array;
  /** `[T]`; absent when every token is learned. */
  readonly labels: Int32Array | undefined;
}

/** `{prompt}` */
export interface PromptRecord extends RecordBase {
  readonly kind: "prompt";
  readonly prompt: string;
}

/** `{prompt, responses, ranks}`, or `{prompt, chosen, rejected}` as a ranking of two. */
export interface RankedResponsesRecord extends RecordBase {
  readonly kind: "ranking";
  readonly prompt: string;
  /** `[K]` */
  readonly responses: readonly string[];
  /** `[K]`; smaller is better, equal ranks are ties. */
  readonly ranks: readonly number[];
}

/** The same with messages: a prompt, and to it K replies, each ending with the assistant. */
export interface ConversationRankingRecord extends RecordBase {
  readonly kind: "conversation-ranking";
  readonly messages: readonly Message[];
  /** `[K]` */
  readonly responses: readonly (readonly Message[])[];
  /** `[K]`; smaller is better, equal ranks are ties. */
  readonly ranks: readonly number[];
}

/** `{prompt, completion, label}`: a response of which is known whether it is good. */
export interface UnpairedPreferenceRecord extends RecordBase {
  readonly kind: "unpaired-preference";
  /** Both strings, or both messages. */
  readonly prompt: Content;
  readonly completion: Content;
  readonly label: boolean;
}

/** `{prompt, completions, labels}`: a solution, and of each step whether it is right. */
export interface StepwiseRecord extends RecordBase {
  readonly kind: "stepwise";
  readonly prompt: string;
  /** `[S]` */
  readonly steps: readonly string[];
  /** `[S]` */
  readonly labels: readonly boolean[];
}

/** `{input_ids: [[..], ..], ranks}`: prompts and responses as ids, used as they are. */
export interface PretokenizedRankingRecord extends RecordBase {
  readonly kind: "pretokenized-ranking";
  /** `[K]` rows. */
  readonly inputIds: readonly Int32Array[];
  /** `[K]`; smaller is better, equal ranks are ties. */
  readonly ranks: readonly number[];
}

/** A row of demonstrations, in any of their forms. */
export type Demonstration = CompletionRecord | ConversationRecord | PretokenizedRecord | TextRecord;
/** A row of prompts, in any of their forms. */
export type Prompt = ConversationRecord | PretokenizedRecord | PromptRecord;
/** A row of rankings, in any of their forms. */
export type Ranking = ConversationRankingRecord | PretokenizedRankingRecord | RankedResponsesRecord;
/** A row of raw text, in any of its forms. */
export type Text = PretokenizedRecord | TextRecord;
/** A row of any format. */
export type DataRecord = Demonstration | Prompt | Ranking | StepwiseRecord | UnpairedPreferenceRecord;

/** The label of a token that is not learned, as in PyTorch and Hugging Face. */
export const ignoredLabel = -100;
