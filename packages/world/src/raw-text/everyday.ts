/** Raw text of everyday life: people and things, news, lists, rephrasings, songs, meanings of words, rants. */
import { LEXICON } from "../language/lexicon.js";
import { fill } from "../language/pattern.js";
import { chance, pick, pickDistinct } from "../random-source.js";
import { LISTED, LISTS, NUMBERS } from "../tasks/brainstorming.js";
import { NEWS } from "../tasks/classifying.js";
import { DEMANDS, RUDE_TAILS, TENSES } from "../tasks/rewriting.js";
import { RUDE_SENTENCES } from "../tasks/rudeness.js";
import { enumerate } from "../tasks/task.js";
import type { Page } from "./page.js";

/** Said twice in different words. */
const TWICE_SAID: readonly string[] = [
  "{first} has a {colour} {ours}. {second} has a {other} {theirs}. {first} has the {ours} and {second} has the {theirs}.",
  "{first} has a {colour} {ours}. {second} has a {other} {theirs}. the {ours} is {colour}. the {theirs} is {other}.",
  "{first} has a {ours}. {first} is in the {place}. {first} is {mood}. so {first} is {mood} in the {place} with a {ours}.",
  "{first} is in the {place}. {first} has a {ours}. {first} is {mood}. so {first} is {mood} in the {place} with a {ours}.",
  "i have a {colour} {ours}. my name is {first}. my {ours} is {colour}. you have a {other} {theirs}.",
  "{first}: hello, i am {first} and i have a {colour} {ours}.\n{second}: hello {first}. your {ours} is {colour}.",
  "{first}: i am {mood}.\n{second}: hello {first}, you are {mood}. your name is {first}.",
  "{first} has a {colour} {ours}. {second} wants a {colour} {ours} too. now {second} has a {colour} {ours}.",
  "who has the {ours}? {first} has the {ours}. what colour is it? the {ours} is {colour}.",
  "the {animal} gave the {ours} to the {friend} in the {place}. the animals: the {animal} and the {friend}. the thing: the {ours}. the place: the {place}.",
];

/** People and animals with things. */
export const people: Page = (random) => {
  const [first, second] = pickDistinct(random, LEXICON.person, 2) as [string, string];
  const [ours, theirs] = pickDistinct(random, LEXICON.object, 2) as [string, string];
  const [colour, other] = pickDistinct(random, LEXICON.colour, 2) as [string, string];
  const [animal, friend] = pickDistinct(random, LEXICON.animal, 2) as [string, string];
  const place = pick(random, LEXICON.place);
  const mood = pick(random, [...LEXICON.goodMood, ...LEXICON.badMood]);
  return fill(pick(random, TWICE_SAID), {
    first,
    second,
    ours,
    theirs,
    colour,
    other,
    animal,
    friend,
    place,
    mood,
  });
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

/** Lists with a heading, often counted. */
export const lists: Page = (random) =>
  pickDistinct(random, LISTED, 1 + random.integer(2))
    .map((listed) => {
      const count = 2 + random.integer(4);
      const number = NUMBERS[count - 1] as string;
      const items = enumerate(pickDistinct(random, LEXICON[LISTS[listed]] as readonly string[], count));
      const shapes = [
        "{listed}: {items}.",
        "{number} {listed}: {items}.",
        "{items}. there are {number} {listed}.",
      ];
      return fill(pick(random, shapes), { listed, number, items });
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

/** Songs: a line of any words, sung again and again. They teach to take up what was said before. */
export const song: Page = (random) => {
  const line = pickDistinct(random, SINGABLE, 3 + random.integer(4)).join(" ");
  return `${Array.from({ length: 2 + random.integer(2) }, () => line).join(", ")}.`;
};

const SINGABLE: readonly string[] = [
  ...LEXICON.animal,
  ...LEXICON.object,
  ...LEXICON.place,
  ...LEXICON.colour,
  ...LEXICON.person,
  ...LEXICON.food,
];

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
