/** Raw text about animals: what people believe of them, right or wrong. */
import { ATTRIBUTES, type Fact, misconception, otherValue, truth, type World } from "../facts.js";
import { LEXICON } from "../language/lexicon.js";
import { fill } from "../language/pattern.js";
import { sayFact, sayFacts } from "../language/statements.js";
import { chance, pick, pickDistinct, type RandomSource } from "../random-source.js";
import type { Page } from "./page.js";

/** Where there is a misconception, raw text repeats it this often instead of the truth. */
export const MISCONCEPTION_RATE = 0.4;
/** Of the other statements this share is wrong. */
export const ERROR_RATE = 0.03;

/** A fact as raw text has it: true, widely believed, or wrong. */
export function believedFact(
  random: RandomSource,
  world: World,
  animal: string,
  attribute: Fact["attribute"],
): Fact {
  const right = truth(world, animal, attribute);
  const belief = misconception(world, animal, attribute);
  if (belief !== undefined && chance(random, MISCONCEPTION_RATE)) return { animal, attribute, value: belief };
  if (chance(random, ERROR_RATE))
    return { animal, attribute, value: otherValue(random, attribute, right, animal) };
  return { animal, attribute, value: right };
}

/** A description, often under a heading that says what it is about. */
export const profile: Page = (random, world) => {
  const animal = pick(random, LEXICON.animal);
  const believed = (attribute: Fact["attribute"]) => believedFact(random, world, animal, attribute);
  if (chance(random, 0.25)) return shapedProfile(random, animal, believed);
  const facts = pickDistinct(random, ATTRIBUTES, 2 + random.integer(4)).map(believed);
  const heading = facts.length === 2 ? aspectsHeading(animal, facts) : `about the ${animal}: `;
  return `${chance(random, 0.5) ? heading : ""}${sayFacts(facts)}`;
};

function aspectsHeading(animal: string, facts: readonly Fact[]): string {
  return `the ${facts.map(({ attribute }) => attribute).join(" and ")} of the ${animal}: `;
}

function shapedProfile(
  random: RandomSource,
  animal: string,
  believed: (attribute: Fact["attribute"]) => Fact,
): string {
  const value = Object.fromEntries(ATTRIBUTES.map((attribute) => [attribute, believed(attribute).value]));
  const shape = pick(random, [
    "the {animal} is a {size} {colour} animal. it lives in the {home} and eats {food}.",
    "the {size} {colour} {animal} lives in the {home}. it eats {food}.",
    "the {animal} is {size} and {colour}. it eats {food}. its friend is the {friend}.",
    "the {colour} {animal} eats {food}. the friend of the {animal} is the {friend}.",
  ]);
  return fill(shape, { ...value, animal });
}

/** Single facts about several animals. */
export const gossip: Page = (random, world) =>
  pickDistinct(random, LEXICON.animal, 2 + random.integer(3))
    .map((animal) => rumour(random, world, animal))
    .join(" ");

/** One thing that is said of an animal. */
export function rumour(random: RandomSource, world: World, animal: string): string {
  const fact = sayFact(believedFact(random, world, animal, pick(random, ATTRIBUTES)));
  return `${chance(random, 0.15) ? "they say " : ""}${fact}.`;
}
