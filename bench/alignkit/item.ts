/** What the bench times: made once, then run again and again. */
import type { Backend } from "@alignkit/core";
import type { ModelName, ShapeChanges } from "./models.js";

/** One line of the protocol: the work, the model, and the parameters of the item. */
export interface WorkRequest {
  readonly work: string;
  readonly model: ModelName;
  /** Where its shape differs. */
  readonly changes?: ShapeChanges;
  /** B */
  readonly batch: number;
  /** T, for training and scoring. */
  readonly length?: number;
  /** Tokens of each prompt. */
  readonly prompt?: number;
  /** Tokens to generate after each prompt. */
  readonly new?: number;
  /** Tokens of each prompt of a ragged batch. */
  readonly lengths?: readonly number[];
  /** The token of each row that ends it, from 1; none ends before `new` unless given. */
  readonly ends?: readonly number[];
  /** Tokens of a packed row, at most. */
  readonly row?: number;
  /** Prompt and completion tokens of demonstrations. */
  readonly chats?: readonly (readonly [prompt: number, completion: number])[];
  /** Rankings, each a step. */
  readonly prompts?: number;
  /** Responses of a ranking. */
  readonly k?: number;
  /** Tokens of each response. */
  readonly response?: number;
  readonly episodes?: number;
  readonly minibatches?: number;
  /** M, K and N of a product of `[M, K]` with `[K, N]`. */
  readonly product?: readonly [m: number, k: number, n: number];
  /** Bytes to be copied. */
  readonly bytes?: number;
  /** PPO with pretraining texts, one an episode. */
  readonly texts?: boolean;
  /** Make the generator within each run. */
  readonly anew?: boolean;
  /** Take the most likely token instead of a drawn one. */
  readonly greedy?: boolean;
  /** Model directory to read weights from; random weights unless given. */
  readonly directory?: string;
  /** The reference of PPO is not what the policy starts from, but a model of its own. */
  readonly apart?: boolean;
  /** Of PPO, by role: `policy`, `reference`, `reward`. */
  readonly directories?: Readonly<Record<string, string>>;
  /** Seconds of untimed runs before the first timed one; 2 unless given, none of 0. */
  readonly warmup?: number;
  /** Seconds that a request is answered with runs, one at least; 0 unless given. */
  readonly turn?: number;
}

/** What a run reports, beside its time and memory. */
export interface WorkResult {
  /** Counted tokens: no padding. */
  readonly tokens: number;
  readonly [figure: string]: number | readonly number[];
}

export interface WorkItem {
  run(): Promise<WorkResult>;
  dispose(): Promise<void>;
}

export type MakeItem = (backend: Backend, request: WorkRequest) => Promise<WorkItem>;
