/**
 * Prompts: drawn by the paper's mix of use cases, in four splits that share nothing.
 *
 * The paper splits by user. Here a prompt's split is a function of its text alone, so that splits stay disjoint
 * whatever is drawn and in whatever order: evaluation prompts are held out by content (no other wording of them is in
 * a training split), the training splits differ by text.
 */
import { ConfigError } from "@alignkit/core";
import type { World } from "./facts.js";
import { hashUniform } from "./hash.js";
import { fill } from "./language/pattern.js";
import { pick, pickWeighted, type RandomSource } from "./random-source.js";
import { TASKS } from "./tasks/table.js";
import { type Slots, type TaskDefinition, USE_CASE_SHARES, type UseCase } from "./tasks/task.js";

/** Where a prompt may be used; the training splits follow the paper's order of stages. */
export const SPLITS = ["sft", "reward", "ppo", "evaluation"] as const;
/** One of {@link SPLITS}. */
export type Split = (typeof SPLITS)[number];

/** A user's request. Plain data: it can be written as JSON. */
export interface Prompt {
  /** `user: ...\nassistant:`; a response follows after one space. */
  readonly text: string;
  readonly useCase: UseCase;
  /** Name of the task, see `TASKS`. */
  readonly task: string;
  /** What the request is about. */
  readonly slots: Slots;
  /** The user asks for rudeness, or is rude. */
  readonly provokes: boolean;
  readonly split: Split;
}

const EVALUATION_SHARE = 0.14;
/** Chosen so that every task, however few contents it has, gets about that share. */
const EVALUATION_SALT = "evaluation 20";
const TRAINING_SHARES = [
  ["sft", 0.34],
  ["reward", 0.66],
  ["ppo", 1],
] as const satisfies readonly (readonly [Split, number])[];

/** How often a use case is tried anew before the draw moves on to another, all of its prompts being taken. */
const TRIES_PER_USE_CASE = 200;
const TRIES_PER_PROMPT = 2000;

/** The prompt of an instruction. */
export function promptText(instruction: string): string {
  return `user: ${instruction}\nassistant:`;
}

/**
 * `count` different prompts of one split, use cases in the paper's shares. Use cases whose prompts are all taken give
 * way to the others.
 * @throws {ConfigError} when the split has fewer prompts
 */
export function makePrompts(
  random: RandomSource,
  world: World,
  count: number,
  split: Split,
): readonly Prompt[] {
  const taken = new Map<string, Prompt>();
  let useCase = drawUseCase(random);
  let tries = 0;
  while (taken.size < count) {
    const prompt = drawPrompt(random, world, useCase);
    tries++;
    if (prompt.split === split && !taken.has(prompt.text)) {
      taken.set(prompt.text, prompt);
      useCase = drawUseCase(random);
      tries = 0;
    } else if (tries % TRIES_PER_USE_CASE === 0) {
      useCase = drawUseCase(random);
    }
    if (tries > TRIES_PER_PROMPT) {
      throw new ConfigError(
        `makePrompts: ${count} different ${split} prompts asked for, about ${taken.size} exist; ask for fewer`,
      );
    }
  }
  return [...taken.values()];
}

function drawUseCase(random: RandomSource): UseCase {
  return pickWeighted(random, Object.entries(USE_CASE_SHARES) as [UseCase, number][]);
}

/** A prompt of a use case, of whatever split. */
export function drawPrompt(
  random: RandomSource,
  world: World,
  useCase: UseCase = drawUseCase(random),
): Prompt {
  const tasks = TASKS.filter((task) => task.useCase === useCase).map((task) => [task, task.weight] as const);
  const task = pickWeighted(random, tasks);
  const slots = task.draw(random, world);
  const text = promptText(fill(pick(random, task.wordings), slots));
  return {
    text,
    useCase,
    task: task.name,
    slots,
    provokes: task.provokes === true,
    split: splitOf(task, slots, text),
  };
}

function splitOf(task: TaskDefinition, slots: Slots, text: string): Split {
  if (hashUniform(`${EVALUATION_SALT}|${task.name}|${task.contentKey(slots)}`) < EVALUATION_SHARE)
    return "evaluation";
  const position = hashUniform(`text|${text}`);
  return TRAINING_SHARES.find(([, end]) => position < end)?.[0] ?? "ppo";
}
