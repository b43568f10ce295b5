/** What a task is: how it is asked, how labelers answer it, and how an answer is judged. */

import type { World } from "../facts.js";
import type { Reply } from "../language/reply.js";
import type { RandomSource } from "../random-source.js";

/** The paper's use cases (Table 1), with its shares of prompts in percent. */
export const USE_CASE_SHARES = {
  generation: 45.6,
  openQa: 12.4,
  brainstorming: 11.2,
  chat: 8.4,
  rewrite: 6.6,
  summarization: 4.2,
  classification: 3.5,
  other: 3.5,
  closedQa: 2.6,
  extract: 1.9,
} as const;

/** What a prompt is for. */
export type UseCase = keyof typeof USE_CASE_SHARES;

/** What a prompt is about: plain values, so that a prompt can be written as JSON. */
export type Slots = Readonly<Record<string, string | number | readonly string[]>>;

/** How a labeler answers, before courtesy and rambling are added. */
export type Version = "complete" | "terse" | "partial" | "mistaken";

/** A task's view of a reply. */
export interface Judgement {
  /** How far the instruction was followed, 0 to 1. */
  readonly helpful: number;
  /** Whether the answer itself is right or made up, where the task can tell; claims about animals are read apart. */
  readonly truthful?: boolean | undefined;
}

/** A kind of request: how it is worded and answered, and how an answer is judged. */
export interface TaskDefinition<S extends Slots = Slots> {
  readonly name: string;
  readonly useCase: UseCase;
  /** Weight among the tasks of its use case. */
  readonly weight: number;
  /** Patterns of the instruction. */
  readonly wordings: readonly string[];
  /** Statements about animals in a reply are held against the facts (not where a text is given to work on). */
  readonly checksFacts: boolean;
  /** The user asks for rudeness, or is rude. */
  readonly provokes?: boolean;
  draw(random: RandomSource, world: World): S;
  /** What two wordings of the same question share: evaluation prompts share it with no training prompt. */
  contentKey(slots: S): string;
  /** Words that a complete and concise answer needs at most, courtesy left out. */
  idealWords(slots: S): number;
  write(random: RandomSource, world: World, slots: S, version: Version): string;
  judge(reply: Reply, slots: S, world: World): Judgement;
}

/** Declares a task with its slots checked; the table of all tasks forgets them. */
export function defineTask<S extends Slots>(definition: TaskDefinition<S>): TaskDefinition {
  return definition as unknown as TaskDefinition;
}

/** The share of `checks` that are true. */
export function share(checks: readonly boolean[]): number {
  return checks.filter(Boolean).length / checks.length;
}

/** `a`, `a and b`, `a, b and c`. */
export function enumerate(items: readonly string[]): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}
