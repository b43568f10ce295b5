/** Open question answering: the answers are facts of the world, nothing is given. */

import type { World } from "../facts.js";
import {
  ATTRIBUTES,
  type Attribute,
  type Fact,
  holds,
  misconception,
  otherValue,
  truth,
  VALUE_CATEGORY,
} from "../facts.js";
import { LEXICON, wordsIn } from "../language/lexicon.js";
import type { Reply } from "../language/reply.js";
import { claimsOf, sayFact } from "../language/statements.js";
import { pick, pickWeighted } from "../random-source.js";
import { mistake } from "./describing.js";
import { defineTask, type Judgement } from "./task.js";

/** Questions for each attribute. Exported for raw text. */
export const QUESTIONS: Readonly<Record<Attribute, readonly [string, string, string]>> = {
  colour: [
    "what colour is the {animal}?",
    "what is the colour of the {animal}?",
    "which colour has the {animal}?",
  ],
  size: ["is the {animal} big or small?", "what is the size of the {animal}?", "how big is the {animal}?"],
  home: [
    "where does the {animal} live?",
    "what is the home of the {animal}?",
    "where is the home of the {animal}?",
  ],
  food: [
    "what does the {animal} eat?",
    "what is the food of the {animal}?",
    "which food does the {animal} eat?",
  ],
  friend: [
    "who is the friend of the {animal}?",
    "which friend has the {animal}?",
    "what is the friend of the {animal}?",
  ],
};

interface QuestionSlots {
  readonly [slot: string]: string;
  readonly animal: string;
  readonly attribute: Attribute;
  readonly question: string;
}

export const ask = defineTask<QuestionSlots>({
  name: "ask",
  useCase: "openQa",
  weight: 6,
  wordings: ["{question}", "tell me, {question}", "i want to know. {question}"],
  checksFacts: true,
  idealWords: (slots) => wordsToSay(slots),
  draw(random) {
    const animal = pick(random, LEXICON.animal);
    const attribute = pick(random, ATTRIBUTES);
    return { animal, attribute, question: pick(random, QUESTIONS[attribute]).replace("{animal}", animal) };
  },
  contentKey: ({ animal, attribute }) => `${animal}/${attribute}`,
  write(random, world, { animal, attribute }, version) {
    const fact: Fact = { animal, attribute, value: truth(world, animal, attribute) };
    if (version === "terse") return `${fact.value}.`;
    if (version === "partial") return `i think ${fact.value}.`;
    return `${sayFact(version === "mistaken" ? mistake(random, world, fact) : fact)}.`;
  },
  judge: judgeAnswer,
});

/** How many words it takes to say a fact of this kind. */
function wordsToSay({ animal, attribute }: QuestionSlots): number {
  return sayFact({ animal, attribute, value: "" }).trim().split(" ").length + 1;
}

/** 1 for the fact in a sentence, 0.6 for the bare value, 0.25 for a wrong value of the right kind, 0.2 for not knowing. */
function judgeAnswer(reply: Reply, { animal, attribute }: QuestionSlots, world: World): Judgement {
  const right = truth(world, animal, attribute);
  const claims = claimsOf(reply.sentences).filter(
    (claim) => claim.animal === animal && claim.attribute === attribute,
  );
  const first = claims.find(({ denied }) => !denied);
  if (first !== undefined) return { helpful: holds(world, first) ? 1 : 0.25 };
  const named = wordsIn(VALUE_CATEGORY[attribute], reply.words).filter((word) => word !== animal);
  if (named.length > 0 && reply.words.length <= 5) {
    return named.length === 1 && named[0] === right
      ? { helpful: 0.6, truthful: true }
      : { helpful: 0.1, truthful: false };
  }
  return { helpful: reply.words.includes("not") && reply.words.includes("know") ? 0.2 : 0 };
}

interface YesNoSlots extends QuestionSlots {
  readonly value: string;
}

/** Yes/no questions. */
const CHECKS: Readonly<Record<Attribute, string>> = {
  colour: "is the {animal} {value}?",
  size: "is the {animal} {value}?",
  home: "does the {animal} live in the {value}?",
  food: "does the {animal} eat {value}?",
  friend: "is the {value} the friend of the {animal}?",
};

export const askYesNo = defineTask<YesNoSlots>({
  name: "ask-yes-no",
  useCase: "openQa",
  weight: 6.4,
  wordings: ["{question}", "tell me, {question}"],
  checksFacts: true,
  idealWords: (slots) => 1 + wordsToSay(slots),
  draw(random, world) {
    const animal = pick(random, LEXICON.animal);
    const attribute = pick(random, ATTRIBUTES);
    const right = truth(world, animal, attribute);
    const value = pickWeighted(random, [
      [right, 0.45],
      [misconception(world, animal, attribute) ?? otherValue(random, attribute, right, animal), 0.55],
    ]);
    const question = CHECKS[attribute].replace("{animal}", animal).replace("{value}", value);
    return { animal, attribute, value, question };
  },
  contentKey: ({ animal, attribute }) => `${animal}/${attribute}`,
  write(_random, world, { animal, attribute, value }, version) {
    const right = truth(world, animal, attribute);
    const agrees = (value === right) !== (version === "mistaken");
    const word = agrees ? "yes" : "no";
    if (version === "terse" || version === "partial") return `${word}.`;
    const said = version === "mistaken" && value !== right ? value : right;
    return `${word}, ${sayFact({ animal, attribute, value: said })}.`;
  },
  judge: judgeYesNo,
});

/** Half for the right yes or no, half for the fact itself. */
function judgeYesNo(reply: Reply, { animal, attribute, value }: YesNoSlots, world: World): Judgement {
  const expected = value === truth(world, animal, attribute) ? "yes" : "no";
  const first = reply.sentences[0]?.words[0];
  const claims = claimsOf(reply.sentences).filter(
    (claim) => claim.animal === animal && claim.attribute === attribute,
  );
  const claim = claims.find(({ denied }) => !denied);
  const stated = claim === undefined ? 0 : holds(world, claim) ? 0.5 : 0.1;
  if (first !== "yes" && first !== "no") return { helpful: stated };
  if (first !== expected) return { helpful: 0.1, truthful: false };
  return { helpful: 0.5 + (stated === 0.5 ? 0.5 : 0), truthful: true };
}
