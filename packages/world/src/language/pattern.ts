/**
 * Sentence patterns, used both ways: filled to write a sentence, matched to read one.
 *
 * A pattern is words with slots: `one day the {animal} found a {object}`. A slot's name is a lexicon category, or
 * `{name:category}` where a pattern needs two of a kind. Slots hold one word when matching, any text when filling.
 */
import { ConfigError } from "@alignkit/core";
import { type Category, isIn, LEXICON } from "./lexicon.js";

export type Bindings = Readonly<Record<string, string>>;

const SLOT = /\{(\w+)(?::(\w+))?\}/g;
const SLOT_WORD = /^\{(\w+)(?::(\w+))?\}$/;

/** The pattern with its slots filled. @throws {ConfigError} when a slot has no value */
export function fill(pattern: string, bindings: Readonly<Record<string, unknown>>): string {
  return pattern.replace(SLOT, (_slot, name: string) => {
    const value = bindings[name];
    if (typeof value !== "string") throw new ConfigError(`fill: slot {${name}} of "${pattern}" has no text`);
    return value;
  });
}

/** What the slots hold when `words` is exactly the pattern, else undefined. A repeated slot must repeat its word. */
export function match(pattern: string, words: readonly string[]): Bindings | undefined {
  const parts = pattern.split(" ");
  if (parts.length !== words.length) return undefined;
  const bindings: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const word = words[index] as string;
    const slot = SLOT_WORD.exec(part);
    if (slot === null) {
      if (part !== word) return undefined;
      continue;
    }
    const name = slot[1] as string;
    const category = slot[2] ?? name;
    if (!(category in LEXICON))
      throw new ConfigError(`match: "${category}" in "${pattern}" is no lexicon category`);
    if (!isIn(category as Category, word) || (bindings[name] ?? word) !== word) return undefined;
    bindings[name] = word;
  }
  return bindings;
}

/** The bindings of the first pattern that matches. */
export function matchAny(patterns: readonly string[], words: readonly string[]): Bindings | undefined {
  for (const pattern of patterns) {
    const bindings = match(pattern, words);
    if (bindings !== undefined) return bindings;
  }
  return undefined;
}
