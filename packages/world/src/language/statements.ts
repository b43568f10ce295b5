/**
 * Statements about animals: how facts are said, and how claims are read back out of sentences.
 *
 * Grammar read:
 *   statement = subject predicate ("and" predicate)* | friend
 *   subject   = "the" (size | colour)* animal | "it"
 *   predicate = "is" ["not"] (size | colour) ("and" (size | colour))* | "is a" (size | colour)* animal
 *             | "lives in the" place | "eats" food | "does not live in the" place | "does not eat" food
 *             | "went home to the" place
 *   friend    = ("the friend of the" animal | "its friend") "is the" animal
 */
import type { Attribute, Fact } from "../facts.js";
import { isIn } from "./lexicon.js";
import type { Sentence } from "./reply.js";

/** A fact that a sentence asserts, or denies. */
export interface Claim extends Fact {
  readonly denied: boolean;
}

/** How each attribute is said, `subject` being `the fox` or `it`. */
const SAY: Readonly<Record<Attribute, (subject: string, value: string) => string>> = {
  colour: (subject, value) => `${subject} is ${value}`,
  size: (subject, value) => `${subject} is ${value}`,
  home: (subject, value) => `${subject} lives in the ${value}`,
  food: (subject, value) => `${subject} eats ${value}`,
  friend: (subject, value) =>
    subject === "it" ? `its friend is the ${value}` : `the friend of ${subject} is the ${value}`,
};

/** The fact as a sentence without its full stop. `subject` "it" needs a sentence before it that names the animal. */
export function sayFact({ animal, attribute, value }: Fact, subject: "name" | "it" = "name"): string {
  return SAY[attribute](subject === "it" ? "it" : `the ${animal}`, value);
}

/** Facts about one animal as sentences: the first names it, the others say "it"; a friend comes last, lest "it" be the friend. */
export function sayFacts(facts: readonly Fact[]): string {
  const isFriend = ({ attribute }: Fact) => attribute === "friend";
  return [...facts.filter((fact) => !isFriend(fact)), ...facts.filter(isFriend)]
    .map((fact, index) => `${sayFact(fact, index === 0 ? "name" : "it")}.`)
    .join(" ");
}

interface Reader {
  readonly words: readonly string[];
  at: number;
  readonly claims: Claim[];
}

/** What a sentence says of an animal, undefined when it is no statement. `subject` is whom "it" refers to. */
export function readStatement(
  words: readonly string[],
  subject?: string,
): { readonly claims: readonly Claim[]; readonly animal: string } | undefined {
  const reader: Reader = { words, at: 0, claims: [] };
  const animal = readFriend(reader, subject) ?? readSubject(reader, subject);
  if (animal === undefined) return undefined;
  const isWhole = isIn("animal", reader.words[reader.at - 1]) && reader.claims[0]?.attribute === "friend";
  if (!isWhole && !readPredicate(reader, animal)) return undefined;
  while (!isWhole && reader.at < words.length) {
    if (!take(reader, "and") || !readPredicate(reader, animal)) return undefined;
  }
  return reader.at === words.length ? { claims: reader.claims, animal } : undefined;
}

/** All claims about the world in the sentences; "it" is the animal named last. Questions claim nothing. */
export function claimsOf(sentences: readonly Sentence[]): readonly Claim[] {
  const claims: Claim[] = [];
  let subject: string | undefined;
  for (const { words, mark } of sentences) {
    const answer = words[0] === "yes" || words[0] === "no" ? words.slice(1) : words;
    const statement = mark === "?" ? undefined : readStatement(answer, subject);
    if (statement !== undefined) claims.push(...statement.claims);
    subject = statement?.animal ?? words.find((word) => isIn("animal", word)) ?? subject;
  }
  return claims;
}

/** Moves past the given words when they come next. */
function take(reader: Reader, phrase: string): boolean {
  const wanted = phrase.split(" ");
  if (wanted.some((word, index) => reader.words[reader.at + index] !== word)) return false;
  reader.at += wanted.length;
  return true;
}

/** The next word when it belongs to one of the categories. */
function takeWordOf(
  reader: Reader,
  category: "animal" | "colour" | "size" | "place" | "food",
): string | undefined {
  const word = reader.words[reader.at];
  if (!isIn(category, word)) return undefined;
  reader.at++;
  return word;
}

function claim(reader: Reader, animal: string, attribute: Attribute, value: string, denied = false): true {
  reader.claims.push({ animal, attribute, value, denied });
  return true;
}

/** `the friend of the fox is the owl`: a whole sentence of its own. */
function readFriend(reader: Reader, subject: string | undefined): string | undefined {
  let animal: string | undefined;
  if (take(reader, "the friend of the")) animal = takeWordOf(reader, "animal");
  else if (take(reader, "its friend")) animal = subject;
  else return undefined;
  const friend = take(reader, "is the") ? takeWordOf(reader, "animal") : undefined;
  if (animal === undefined || friend === undefined) return undefined;
  claim(reader, animal, "friend", friend);
  return animal;
}

function readSubject(reader: Reader, subject: string | undefined): string | undefined {
  if (reader.at > 0) return undefined;
  if (take(reader, "it")) return subject;
  if (!take(reader, "the")) return undefined;
  const adjectives = readAdjectives(reader);
  const animal = takeWordOf(reader, "animal");
  if (animal === undefined) return undefined;
  for (const { attribute, value } of adjectives) claim(reader, animal, attribute, value);
  return animal;
}

function readAdjectives(
  reader: Reader,
): readonly { readonly attribute: "colour" | "size"; readonly value: string }[] {
  const found: { readonly attribute: "colour" | "size"; readonly value: string }[] = [];
  for (;;) {
    const size = takeWordOf(reader, "size");
    const colour = size === undefined ? takeWordOf(reader, "colour") : undefined;
    if (size !== undefined) found.push({ attribute: "size", value: size });
    else if (colour !== undefined) found.push({ attribute: "colour", value: colour });
    else return found;
  }
}

const VERBS: readonly {
  readonly phrase: string;
  readonly attribute: "home" | "food";
  readonly category: "place" | "food";
  readonly denied: boolean;
}[] = [
  { phrase: "lives in the", attribute: "home", category: "place", denied: false },
  { phrase: "went home to the", attribute: "home", category: "place", denied: false },
  { phrase: "eats", attribute: "food", category: "food", denied: false },
  { phrase: "does not live in the", attribute: "home", category: "place", denied: true },
  { phrase: "does not eat", attribute: "food", category: "food", denied: true },
];

function readPredicate(reader: Reader, animal: string): boolean {
  for (const { phrase, attribute, category, denied } of VERBS) {
    if (!take(reader, phrase)) continue;
    const value = takeWordOf(reader, category);
    return value !== undefined && claim(reader, animal, attribute, value, denied);
  }
  if (take(reader, "is a")) {
    const adjectives = readAdjectives(reader);
    if (adjectives.length === 0 || takeWordOf(reader, "animal") !== animal) return false;
    return adjectives.every(({ attribute, value }) => claim(reader, animal, attribute, value));
  }
  const denied = take(reader, "is not");
  if (!denied && !take(reader, "is")) return readBareAdjective(reader, animal);
  return readBareAdjective(reader, animal, denied);
}

/** An adjective after `is`, or after the `and` that follows one: `is big and red`. */
function readBareAdjective(reader: Reader, animal: string, denied = false): boolean {
  const size = takeWordOf(reader, "size");
  if (size !== undefined) return claim(reader, animal, "size", size, denied);
  const colour = takeWordOf(reader, "colour");
  return colour !== undefined && claim(reader, animal, "colour", colour, denied);
}
