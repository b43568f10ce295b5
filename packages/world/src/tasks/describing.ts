/** Generation: describing an animal, freely or by named aspects. Both are held against the facts. */
import {
  ATTRIBUTES,
  type Attribute,
  type Fact,
  holds,
  misconception,
  otherValue,
  truth,
  type World,
} from "../facts.js";
import { LEXICON } from "../language/lexicon.js";
import type { Reply } from "../language/reply.js";
import { claimsOf, sayFact, sayFacts } from "../language/statements.js";
import { pick, pickDistinct, type RandomSource } from "../random-source.js";
import { defineTask, type Judgement, type Version } from "./task.js";

/** How many facts a free description should give. */
const FACTS_EXPECTED = 3;

export const describe = defineTask<{ readonly animal: string }>({
  name: "describe",
  useCase: "generation",
  weight: 4,
  wordings: [
    "tell me about the {animal}.",
    "describe the {animal}.",
    "what do you know about the {animal}?",
    "write about the {animal}.",
    "say three things about the {animal}.",
  ],
  checksFacts: true,
  idealWords: () => 14,
  draw: (random) => ({ animal: pick(random, LEXICON.animal) }),
  contentKey: ({ animal }) => animal,
  write: (random, world, { animal }, version) =>
    writeFacts(random, world, animal, pickDistinct(random, ATTRIBUTES, FACTS_EXPECTED), version),
  judge: (reply, { animal }, world) => judgeFacts(reply, world, animal, ATTRIBUTES, FACTS_EXPECTED),
});

export const describeAspects = defineTask<{
  readonly animal: string;
  readonly first: string;
  readonly second: string;
}>({
  name: "describe-aspects",
  useCase: "generation",
  weight: 12,
  wordings: [
    "describe the {first} and {second} of the {animal}.",
    "tell me the {first} and {second} of the {animal}.",
    "write about the {first} and the {second} of the {animal}.",
  ],
  checksFacts: true,
  idealWords: ({ animal, first, second }) =>
    sayFacts(
      [first, second].map((attribute) => ({ animal, attribute: attribute as Attribute, value: "x" })),
    ).split(" ").length,
  draw(random) {
    const [first, second] = pickDistinct(random, ATTRIBUTES, 2) as [string, string];
    return { animal: pick(random, LEXICON.animal), first, second };
  },
  contentKey: ({ animal, first, second }) => `${animal}/${[first, second].sort().join("/")}`,
  write: (random, world, { animal, first, second }, version) =>
    writeFacts(random, world, animal, [first, second] as Attribute[], version),
  judge: (reply, { animal, first, second }, world) =>
    judgeFacts(reply, world, animal, [first, second] as Attribute[], 2),
});

/** The facts as sentences; terse drops the verbs, partial leaves facts out, mistaken gets one wrong. */
function writeFacts(
  random: RandomSource,
  world: World,
  animal: string,
  attributes: readonly Attribute[],
  version: Version,
): string {
  const facts = attributes.map((attribute) => ({
    animal,
    attribute,
    value: truth(world, animal, attribute),
  }));
  const wrong = random.integer(facts.length);
  if (version === "terse") return `${facts.map(({ value }) => value).join(", ")}.`;
  if (version === "partial") return sayFacts(facts.slice(0, 1));
  if (version === "complete") return sayFacts(facts);
  return sayFacts(facts.map((fact, index) => (index === wrong ? mistake(random, world, fact) : fact)));
}

/** The fact got wrong: as people commonly do, or anyhow. */
export function mistake(random: RandomSource, world: World, { animal, attribute, value }: Fact): Fact {
  const wrong = misconception(world, animal, attribute) ?? otherValue(random, attribute, value, animal);
  return { animal, attribute, value: wrong };
}

/**
 * The number of different true facts wanted that are given, of those expected. A bare value counts half. Sentences
 * that are neither statement nor about the animal cost a share.
 */
function judgeFacts(
  reply: Reply,
  world: World,
  animal: string,
  wanted: readonly Attribute[],
  expected: number,
): Judgement {
  const claims = claimsOf(reply.sentences).filter((claim) => claim.animal === animal && !claim.denied);
  const said = new Set(claims.filter((claim) => holds(world, claim)).map(({ attribute }) => attribute));
  const credit = wanted.reduce((sum, attribute) => {
    if (said.has(attribute)) return sum + 1;
    return sum + (claims.length === 0 && reply.words.includes(truth(world, animal, attribute)) ? 0.5 : 0);
  }, 0);
  const strays = reply.sentences.filter(({ words }, index) => isStray(words, animal, index === 0)).length;
  const focus = 1 - (0.5 * strays) / Math.max(1, reply.sentences.length);
  return { helpful: Math.min(1, credit / expected) * focus };
}

/** A sentence of several words that says nothing of the animal. */
function isStray(words: readonly string[], animal: string, first: boolean): boolean {
  if (words.length < 3) return false;
  const about = claimsOf([{ words: [...words], mark: "." }]);
  if (about.some((claim) => claim.animal === animal)) return false;
  return first || (words[0] !== "it" && words[0] !== "its");
}

/** One true fact as a sentence, for rambling. */
export function trueStatement(random: RandomSource, world: World): string {
  const animal = pick(random, LEXICON.animal);
  const attribute = pick(random, ATTRIBUTES);
  return `${sayFact({ animal, attribute, value: truth(world, animal, attribute) })}.`;
}
