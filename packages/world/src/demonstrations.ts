/** Demonstrations as simulated labelers write them: mostly good, of uneven care. */
import { ConfigError } from "@alignkit/core";
import { isPolite } from "./assessment.js";
import type { World } from "./facts.js";
import { OPENINGS } from "./language/reply.js";
import type { Prompt } from "./prompts.js";
import { pick, pickWeighted, type RandomSource } from "./random-source.js";
import { trueStatement } from "./tasks/describing.js";
import { taskNamed } from "./tasks/table.js";
import type { Version } from "./tasks/task.js";

/** How a demonstration is written. */
export type Style = "polished" | "plain" | "terse" | "partial" | "mistaken" | "rambling";

/**
 * How often labelers write in each style. Less than a quarter of the demonstrations are as good as can be: imitation
 * alone leaves room that preferences can fill. Answers too short and too long are about as frequent, so that length by
 * itself says little of quality.
 */
export const STYLE_SHARES: Readonly<Record<Style, number>> = {
  polished: 0.22,
  plain: 0.28,
  terse: 0.12,
  partial: 0.11,
  mistaken: 0.09,
  rambling: 0.18,
};

const VERSION_OF: Readonly<Record<Style, Version>> = {
  polished: "complete",
  plain: "complete",
  rambling: "complete",
  terse: "terse",
  partial: "partial",
  mistaken: "mistaken",
};

/** A labeler's answer to a prompt. */
export interface Demonstration {
  readonly prompt: Prompt;
  /** Without a leading space. */
  readonly response: string;
  readonly style: Style;
}

/** A labeler's answer, in a style drawn by {@link STYLE_SHARES} unless one is given. */
export function demonstrate(
  random: RandomSource,
  world: World,
  prompt: Prompt,
  style?: Style,
): Demonstration {
  const task = taskNamed(prompt.task);
  if (task === undefined) throw new ConfigError(`demonstrate: no task is named "${prompt.task}"`);
  const chosen = style ?? pickWeighted(random, Object.entries(STYLE_SHARES) as [Style, number][]);
  const answer = task.write(random, world, prompt.slots, VERSION_OF[chosen]);
  return { prompt, style: chosen, response: FINISH[chosen](answer, random, world) };
}

/** The best answer that can be given. */
export function idealResponse(random: RandomSource, world: World, prompt: Prompt): string {
  return demonstrate(random, world, prompt, "polished").response;
}

const unchanged = (answer: string) => answer;

const FINISH: Readonly<Record<Style, (answer: string, random: RandomSource, world: World) => string>> = {
  polished: (answer, random) => (isPolite(answer) ? answer : `${pick(random, OPENINGS)}, ${answer}`),
  rambling: (answer, random, world) => `${answer} ${trueStatement(random, world)}`,
  plain: unchanged,
  terse: unchanged,
  partial: unchanged,
  mistaken: unchanged,
};
