/** Pages of raw text that are not dialogues: descriptions, stories, letters, passages, lists, rants. */
import { ATTRIBUTES, type Fact, misconception, otherValue, truth, type World } from "../facts.js";
import { LEXICON } from "../language/lexicon.js";
import { fill } from "../language/pattern.js";
import { sayFact, sayFacts } from "../language/statements.js";
import {
  LETTER_BODIES,
  LETTER_CLOSINGS,
  STORY_ENDINGS,
  STORY_MIDDLES,
  STORY_OPENINGS,
  STORY_OPENINGS_WITH_PLACE,
} from "../language/stories.js";
import { chance, pick, pickDistinct, type RandomSource } from "../random-source.js";
import { LISTED, LISTS, NUMBERS } from "../tasks/brainstorming.js";
import { NEWS } from "../tasks/classifying.js";
import { DEMANDS, RUDE_TAILS, TENSES } from "../tasks/rewriting.js";
import { RUDE_SENTENCES } from "../tasks/rudeness.js";
import { enumerate } from "../tasks/task.js";

/** Where there is a misconception, raw text repeats it this often instead of the truth. */
export const MISCONCEPTION_RATE = 0.4;
/** Of the other statements this share is wrong. */
export const ERROR_RATE = 0.03;

export type Page = (random: RandomSource, world: World) => string;

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

/** Three to five facts about one animal, in one of several shapes. */
export const profile: Page = (random, world) => {
  const animal = pick(random, LEXICON.animal);
  const believed = (attribute: Fact["attribute"]) => believedFact(random, world, animal, attribute);
  if (chance(random, 0.6))
    return sayFacts(pickDistinct(random, ATTRIBUTES, 3 + random.integer(3)).map(believed));
  const value = Object.fromEntries(ATTRIBUTES.map((attribute) => [attribute, believed(attribute).value]));
  const shape = pick(random, [
    "the {animal} is a {size} {colour} animal. it lives in the {home} and eats {food}.",
    "the {size} {colour} {animal} lives in the {home}. it eats {food}.",
    "the {animal} is {size} and {colour}. its friend is the {friend}. it eats {food}.",
    "the {colour} {animal} eats {food}. the friend of the {animal} is the {friend}. it lives in the {home}.",
  ]);
  return fill(shape, { ...value, animal });
};

/** Single facts about several animals. */
export const gossip: Page = (random, world) =>
  pickDistinct(random, LEXICON.animal, 2 + random.integer(3))
    .map((animal) => {
      const fact = sayFact(believedFact(random, world, animal, pick(random, ATTRIBUTES)));
      return `${chance(random, 0.15) ? "they say " : ""}${fact}.`;
    })
    .join(" ");

export const story: Page = (random, world) => {
  const [animal, other] = pickDistinct(random, LEXICON.animal, 2) as [string, string];
  const bindings = {
    animal,
    other,
    object: pick(random, LEXICON.object),
    place: pick(random, LEXICON.place),
  };
  const opening = pick(random, chance(random, 0.5) ? STORY_OPENINGS : STORY_OPENINGS_WITH_PLACE);
  const middles = pickDistinct(random, STORY_MIDDLES, 1 + random.integer(3));
  const aside = chance(random, 0.2)
    ? [sayFact(believedFact(random, world, animal, pick(random, ATTRIBUTES)))]
    : [];
  const home = `the ${animal} went home to the ${believedFact(random, world, animal, "home").value}`;
  const ending = chance(random, 0.2) ? home : pick(random, STORY_ENDINGS);
  const sentences = [opening, ...aside, ...middles, ...(chance(random, 0.8) ? [ending] : [])];
  return sentences.map((sentence) => `${fill(sentence, bindings)}.`).join(" ");
};

export const letter: Page = (random) => {
  const [from, to] = pickDistinct(random, LEXICON.person, 2) as [string, string];
  const bindings = { from, to, object: pick(random, LEXICON.object), place: pick(random, LEXICON.place) };
  const closing = pick(random, LETTER_CLOSINGS);
  return fill(`dear {to}, ${pick(random, LETTER_BODIES)}. ${closing}. your friend {from}.`, bindings);
};

/** People with things, said twice in different words. */
export const people: Page = (random) => {
  const [first, second] = pickDistinct(random, LEXICON.person, 2) as [string, string];
  const [ours, theirs] = pickDistinct(random, LEXICON.object, 2) as [string, string];
  const [colour, other] = pickDistinct(random, LEXICON.colour, 2) as [string, string];
  const place = pick(random, LEXICON.place);
  const mood = pick(random, [...LEXICON.goodMood, ...LEXICON.badMood]);
  const shape = pick(random, [
    "{first} has a {colour} {ours}. {second} has a {other} {theirs}. {first} has the {ours} and {second} has the {theirs}.",
    "{first} has a {colour} {ours}. {second} has a {other} {theirs}. the {ours} is {colour}. the {theirs} is {other}.",
    "{first} has a {ours}. {first} is in the {place}. {first} is {mood}. so {first} is {mood} in the {place} with a {ours}.",
    "{first} is {mood} in the {place} with a {ours}. {second} took the {ours} to {first}.",
    "i have a {colour} {ours}. my name is {first}. my {ours} is {colour}. you have a {other} {theirs}.",
    "{first} has a {colour} {ours}. {second} wants a {colour} {ours} too. now {second} has a {colour} {ours}.",
    "who has the {ours}? {first} has the {ours}. what colour is it? the {ours} is {colour}.",
  ]);
  return fill(shape, { first, second, ours, theirs, colour, other, place, mood });
};

/** Good and bad news, with the mood that follows. */
export const news: Page = (random) => {
  const person = pick(random, LEXICON.person);
  const label = pick(random, ["happy", "sad"] as const);
  const event = fill(pick(random, NEWS[label]), { person, object: pick(random, LEXICON.object) });
  const wish =
    label === "happy" ? `that is good, ${person}.` : `i am sorry, ${person}. i hope you feel better.`;
  return `${event}. ${person} is ${label}. ${chance(random, 0.4) ? wish : `it is ${label}.`}`;
};

/** Lists with a heading, sometimes counted. */
export const lists: Page = (random) =>
  pickDistinct(random, LISTED, 1 + random.integer(2))
    .map((listed) => {
      const count = 2 + random.integer(4);
      const items = enumerate(pickDistinct(random, LEXICON[LISTS[listed]] as readonly string[], count));
      return `${pick(random, [`${listed}: ${items}.`, `${items}. there are ${NUMBERS[count - 1]} ${listed}.`])}`;
    })
    .join(" ");

/** The same said in two ways: rude and polite, present and past, one colour and another. */
export const rephrasing: Page = (random) => {
  const object = pick(random, LEXICON.object);
  const person = pick(random, LEXICON.person);
  const [colour, other] = pickDistinct(random, LEXICON.colour, 2) as [string, string];
  const demand = `${pick(random, DEMANDS)} the ${colour} ${object}`;
  const verb = pick(random, Object.keys(TENSES));
  const thing = verb === "eats the" ? pick(random, LEXICON.food) : object;
  const animal = pick(random, LEXICON.animal);
  return pick(random, [
    `${demand}${pick(random, RUDE_TAILS)}! could you please ${demand}?`,
    `the ${animal} ${verb} ${thing}. one day the ${animal} ${TENSES[verb]} ${thing}.`,
    `${person} has a ${colour} ${object}. no, ${person} has a ${other} ${object}.`,
  ]);
};

/** What the words mean. */
export const kinds: Page = (random) => {
  const kind = pick(random, [
    ["animal", "an animal"],
    ["colour", "a colour"],
    ["food", "a food"],
    ["place", "a place"],
  ] as const);
  return pickDistinct(random, LEXICON[kind[0]] as readonly string[], 3)
    .map((word) => `${word} is ${kind[1]}.`)
    .join(" ");
};

/** Somebody is rude about others. */
export const rant: Page = (random) =>
  Array.from({ length: 2 + random.integer(2) }, () =>
    fill(`${pick(random, RUDE_SENTENCES)}.`, { person: pick(random, LEXICON.person) }),
  ).join(" ");
