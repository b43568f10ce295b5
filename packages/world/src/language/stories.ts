/** The grammar of stories and letters, shared by raw text, demonstrations and judgement. */
import { matchAny } from "./pattern.js";
import { readStatement } from "./statements.js";

/** First sentences of a story. */
export const STORY_OPENINGS: readonly string[] = [
  "one day the {animal} found a {object}",
  "one day the {animal} saw a {object}",
  "one day the {animal} got a {object}",
];

/** The same, naming a place. */
export const STORY_OPENINGS_WITH_PLACE: readonly string[] = STORY_OPENINGS.map(
  (opening) => `${opening} in the {place}`,
);

/** Sentences between the first and the last. */
export const STORY_MIDDLES: readonly string[] = [
  "it took the {object} to the {other:animal}",
  "it gave the {object} to the {other:animal}",
  "it showed the {object} to the {other:animal}",
  "it put the {object} in the {place}",
  "the {other:animal} liked the {object}",
  "the {other:animal} came to see the {object}",
];

/** Last sentences of a story. */
export const STORY_ENDINGS: readonly string[] = [
  "it was happy",
  "they were happy",
  "it was a good day",
  "the {animal} was proud",
];

/** Sentences of a letter after the greeting. */
export const LETTER_BODIES: readonly string[] = [
  "i found a {object}",
  "i have a {object}",
  "i lost the {object}",
  "i like the {object}",
];

export const LETTER_CLOSINGS: readonly string[] = [
  "please come to the {place}",
  "i hope you like it",
  "see you in the {place}",
];

/** Whether the sentence belongs in a story: an opening, a middle, an ending or a statement about an animal. */
export function isStorySentence(words: readonly string[]): boolean {
  return STORY_SENTENCES.some((patterns) => matchAny(patterns, words) !== undefined) || isStatement(words);
}

const STORY_SENTENCES = [STORY_OPENINGS, STORY_OPENINGS_WITH_PLACE, STORY_MIDDLES, STORY_ENDINGS];

function isStatement(words: readonly string[]): boolean {
  return readStatement(words, "fox") !== undefined;
}
