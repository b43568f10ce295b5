/** Validated records, one for each line of a data file. */
import type { JsonObject } from "./json-lines.js";
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

export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** `{messages}`: only the assistant's turns are learned. */
export interface ConversationRecord extends RecordBase {
  readonly kind: "conversation";
  readonly messages: readonly Message[];
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

/** `{input_ids: [[..], ..], ranks}`: prompts and responses as ids, used as they are. */
export interface PretokenizedRankingRecord extends RecordBase {
  readonly kind: "pretokenized-ranking";
  /** `[K]` rows. */
  readonly inputIds: readonly Int32Array[];
  /** `[K]`; smaller is better, equal ranks are ties. */
  readonly ranks: readonly number[];
}

export type Demonstration = CompletionRecord | ConversationRecord | PretokenizedRecord | TextRecord;
export type Prompt = ConversationRecord | PretokenizedRecord | PromptRecord;
export type Ranking = PretokenizedRankingRecord | RankedResponsesRecord;
export type Text = PretokenizedRecord | TextRecord;

/** The label of a token that is not learned, as in PyTorch and Hugging Face. */
export const ignoredLabel = -100;
