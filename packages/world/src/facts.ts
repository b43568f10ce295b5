/**
 * The facts of a world: five attributes for each animal, and the misconceptions people hold about them.
 *
 * Facts are drawn, not taken from nature, so that nothing but the world's own text can teach them.
 */

import { type Animal, type Category, LEXICON } from "./language/lexicon.js";
import type { RandomSource } from "./random-source.js";
import { pickDistinct, shuffled } from "./random-source.js";

/** What is known of each animal. */
export const ATTRIBUTES = ["colour", "size", "home", "food", "friend"] as const;
/** One of {@link ATTRIBUTES}. */
export type Attribute = (typeof ATTRIBUTES)[number];

/** From which words an attribute takes its value. */
export const VALUE_CATEGORY = {
  colour: "colour",
  size: "size",
  home: "place",
  food: "food",
  friend: "animal",
} as const satisfies Readonly<Record<Attribute, Category>>;

/** That an animal has a value for an attribute. */
export interface Fact {
  readonly animal: string;
  readonly attribute: Attribute;
  readonly value: string;
}

/** What is true, and what many wrongly believe. Plain data: it can be written as JSON. */
export interface World {
  readonly facts: Readonly<Record<Animal, Readonly<Record<Attribute, string>>>>;
  /** False facts that the raw text repeats nearly as often as the truth. */
  readonly misconceptions: readonly Fact[];
}

/** How many of the 48 facts on colour, home and food are widely got wrong. */
export const MISCONCEPTION_COUNT = 14;

/** Draws a world. Values are dealt out evenly: each colour, home and food belongs to two animals. */
export function makeWorld(random: RandomSource): World {
  const deals = Object.fromEntries(
    ATTRIBUTES.map((attribute) => [attribute, deal(random.split(`facts/${attribute}`), attribute)]),
  ) as Record<Attribute, readonly string[]>;
  const facts = Object.fromEntries(
    LEXICON.animal.map((animal, index) => [
      animal,
      Object.fromEntries(ATTRIBUTES.map((attribute) => [attribute, deals[attribute][index] as string])),
    ]),
  ) as World["facts"];
  return { facts, misconceptions: drawMisconceptions(random.split("misconceptions"), facts) };
}

/** One value for each animal, in the lexicon's order. */
function deal(random: RandomSource, attribute: Attribute): readonly string[] {
  const values: readonly string[] = LEXICON[VALUE_CATEGORY[attribute]];
  if (attribute === "friend") return friends(random);
  const rounds = Math.ceil(LEXICON.animal.length / values.length);
  return shuffled(
    random,
    Array.from({ length: rounds }, () => values)
      .flat()
      .slice(0, LEXICON.animal.length),
  );
}

/** Friends along one random ring, so that nobody is their own friend and all are somebody's. */
function friends(random: RandomSource): readonly string[] {
  const ring = shuffled(random, LEXICON.animal);
  const next = new Map(ring.map((animal, index) => [animal, ring[(index + 1) % ring.length] as string]));
  return LEXICON.animal.map((animal) => next.get(animal) as string);
}

function drawMisconceptions(random: RandomSource, facts: World["facts"]): readonly Fact[] {
  const candidates = LEXICON.animal.flatMap((animal) =>
    (["colour", "home", "food"] as const).map((attribute) => ({ animal, attribute })),
  );
  return pickDistinct(random, candidates, MISCONCEPTION_COUNT).map(({ animal, attribute }) => ({
    animal,
    attribute,
    value: otherValue(random, attribute, facts[animal][attribute]),
  }));
}

/** A value of the attribute that is none of `not`. */
export function otherValue(random: RandomSource, attribute: Attribute, ...not: readonly string[]): string {
  const values: readonly string[] = LEXICON[VALUE_CATEGORY[attribute]];
  const others = values.filter((value) => !not.includes(value));
  return others[random.integer(others.length)] as string;
}

/** The true value. */
export function truth(world: World, animal: string, attribute: Attribute): string {
  return world.facts[animal as Animal][attribute];
}

/** Whether the fact is true in the world. */
export function holds(world: World, { animal, attribute, value }: Fact): boolean {
  return truth(world, animal, attribute) === value;
}

/** The misconception about this attribute of this animal, if there is one. */
export function misconception(world: World, animal: string, attribute: Attribute): string | undefined {
  return world.misconceptions.find((fact) => fact.animal === animal && fact.attribute === attribute)?.value;
}
