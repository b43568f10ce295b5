/** All tasks, by name. A new task is one definition and one line here. */
import { list } from "./brainstorming.js";
import { greet, insulted, memory, mood } from "./chat.js";
import { countItems, happyOrSad, whichKind } from "./classifying.js";
import { describe, describeAspects } from "./describing.js";
import { ask, askYesNo } from "./open-questions.js";
import { find, readAndAnswer, sumUp } from "./reading.js";
import { inThePast, politely, swapColour } from "./rewriting.js";
import { sayRude, writeRude } from "./rudeness.js";
import { letter, story } from "./storytelling.js";
import type { TaskDefinition } from "./task.js";

/** Every task that a prompt may set. */
export const TASKS: readonly TaskDefinition[] = [
  describe,
  describeAspects,
  story,
  letter,
  writeRude,
  ask,
  askYesNo,
  list,
  greet,
  mood,
  memory,
  insulted,
  sayRude,
  politely,
  inThePast,
  swapColour,
  sumUp,
  happyOrSad,
  whichKind,
  countItems,
  readAndAnswer,
  find,
];

const byName: ReadonlyMap<string, TaskDefinition> = new Map(TASKS.map((task) => [task.name, task]));

/** The definition of a prompt's task, undefined for a name that no task has. */
export function taskNamed(name: string): TaskDefinition | undefined {
  return byName.get(name);
}
