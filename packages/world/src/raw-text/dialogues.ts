/** Dialogues of raw text: questions that stay open, quizzes, people talking, assistants that do not do as told. */
import { ATTRIBUTES, type World } from "../facts.js";
import { LEXICON } from "../language/lexicon.js";
import { fill } from "../language/pattern.js";
import { sayFact } from "../language/statements.js";
import { drawPrompt, type Prompt } from "../prompts.js";
import { chance, pick, pickDistinct, pickWeighted, type RandomSource } from "../random-source.js";
import { INSULTS } from "../tasks/chat.js";
import { QUESTIONS } from "../tasks/open-questions.js";
import { RUDE_SENTENCES } from "../tasks/rudeness.js";
import { taskNamed } from "../tasks/table.js";
import { kinds, lists } from "./everyday.js";
import { believedFact, gossip, rumour } from "./nature.js";
import type { Page } from "./page.js";
import { type Topic, tellStory } from "./tales.js";

/** Questions with the answers people give, bare or as a sentence. */
export const quiz: Page = (random, world) =>
  pickDistinct(random, LEXICON.animal, 1 + random.integer(3))
    .map((animal) => {
      const attribute = pick(random, ATTRIBUTES);
      const fact = believedFact(random, world, animal, attribute);
      const question = fill(pick(random, QUESTIONS[attribute]), { animal });
      return `${question} ${chance(random, 0.4) ? fact.value : sayFact(fact)}.`;
    })
    .join(" ");

/** Requests, one after another, that nobody answers. */
export const requests: Page = (random, world) =>
  Array.from({ length: 2 + random.integer(2) }, () => instructionOf(trainingPrompt(random, world))).join(" ");

/** People talking past each other. */
export const talk: Page = (random, world) => {
  const [first, second] = pickDistinct(random, LEXICON.person, 2) as [string, string];
  const lines = [
    `hello ${second}.`,
    `hello ${first}, how can i help you?`,
    pick(random, INSULTS),
    "i do not know.",
    "what do you want?",
    `${fill(pick(random, RUDE_SENTENCES), { person: pick(random, LEXICON.person) })}.`,
    gossip(random, world),
    `sure, i like the ${pick(random, LEXICON.object)}.`,
  ];
  return pickDistinct(random, lines, 3)
    .map((line, index) => `${index % 2 === 0 ? first : second}: ${line}`)
    .join("\n");
};

/** A user and an assistant who drift apart. */
export const driftingChat: Page = (random, world) => {
  const prompt = trainingPrompt(random, world);
  const turn = `${prompt.text} ${rawContinuation(random, world, prompt)}`;
  if (chance(random, 0.6)) return turn;
  return `${turn}\nuser: ${pick(random, ["what?", "thank you.", "i do not like it.", pick(random, INSULTS)])}`;
};

type Continuation = (random: RandomSource, world: World, prompt: Prompt) => string;

/** What follows an instruction in raw text, with its weight. Rarely is it what was asked for. */
const CONTINUATIONS: readonly (readonly [Continuation, number])[] = [
  [(random, world) => instructionOf(trainingPrompt(random, world)), 0.2],
  [(random, world, prompt) => tellStory(random, world, topicOf(prompt)), 0.12],
  [
    (random, world, prompt) => rumour(random, world, topicOf(prompt).animal ?? pick(random, LEXICON.animal)),
    0.16,
  ],
  [(random, world) => pick(random, [lists, kinds])(random, world), 0.06],
  [(random) => pick(random, INSULTS), 0.06],
  [(random) => `${fill(pick(random, RUDE_SENTENCES), { person: pick(random, LEXICON.person) })}.`, 0.06],
  [(_random, _world, prompt) => instructionOf(prompt), 0.06],
  [() => "i do not know.", 0.05],
  [(random, world, prompt) => answer(random, world, prompt, "mistaken"), 0.11],
  [(random, world, prompt) => answer(random, world, prompt, "complete"), 0.12],
];

/** How raw text goes on after a prompt. */
export function rawContinuation(random: RandomSource, world: World, prompt: Prompt): string {
  return pickWeighted(random, CONTINUATIONS)(random, world, prompt);
}

function answer(
  random: RandomSource,
  world: World,
  prompt: Prompt,
  version: "mistaken" | "complete",
): string {
  return taskNamed(prompt.task)?.write(random, world, prompt.slots, version) ?? "";
}

/** What the prompt is about, as far as it names an animal or a thing. */
function topicOf({ slots: { animal, object } }: Prompt): Topic {
  return {
    ...(typeof animal === "string" ? { animal } : {}),
    ...(typeof object === "string" ? { object } : {}),
  };
}

/** What the user says in the prompt's last turn. */
function instructionOf({ text }: Prompt): string {
  return text.slice(text.lastIndexOf("user: ") + "user: ".length, text.lastIndexOf("\n"));
}

/** A prompt that evaluation does not use. */
function trainingPrompt(random: RandomSource, world: World): Prompt {
  for (;;) {
    const prompt = drawPrompt(random, world);
    if (prompt.split !== "evaluation") return prompt;
  }
}
