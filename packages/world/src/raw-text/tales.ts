/** Raw text that tells: stories and letters, often under a heading. */
import { ATTRIBUTES, type World } from "../facts.js";
import { LEXICON } from "../language/lexicon.js";
import { fill } from "../language/pattern.js";
import { sayFact } from "../language/statements.js";
import {
  LETTER_BODIES,
  LETTER_CLOSINGS,
  STORY_ENDINGS,
  STORY_MIDDLES,
  STORY_OPENINGS,
  STORY_OPENINGS_WITH_PLACE,
} from "../language/stories.js";
import { chance, pick, pickDistinct, type RandomSource } from "../random-source.js";
import { believedFact } from "./nature.js";
import type { Page } from "./page.js";

/** What a tale is to be about; the rest is drawn. */
export interface Topic {
  readonly animal?: string;
  readonly object?: string;
}

/** A story of one to three middles, not always ended. */
export function tellStory(random: RandomSource, world: World, topic: Topic = {}): string {
  const bindings = storyBindings(random, topic);
  const { animal } = bindings;
  const placed = chance(random, 0.5);
  const opening = pick(random, placed ? STORY_OPENINGS_WITH_PLACE : STORY_OPENINGS);
  const middles = pickDistinct(random, STORY_MIDDLES, 1 + random.integer(3));
  const belief = believedFact(random, world, animal, pick(random, ATTRIBUTES));
  const aside = chance(random, 0.15) ? [sayFact(belief)] : [];
  const home = `the {animal} went home to the ${believedFact(random, world, animal, "home").value}`;
  const ending = chance(random, 0.2) ? home : pick(random, STORY_ENDINGS);
  const sentences = [opening, ...aside, ...middles, ...(chance(random, 0.8) ? [ending] : [])];
  const heading = chance(random, 0.6)
    ? `the {animal} and the {object}${placed ? " in the {place}" : ""}: `
    : "";
  return fill(`${heading}${sentences.map((sentence) => `${sentence}.`).join(" ")}`, bindings);
}

function storyBindings(random: RandomSource, { animal = pick(random, LEXICON.animal), object }: Topic) {
  const others = LEXICON.animal.filter((other) => other !== animal);
  return {
    animal,
    other: pick(random, others),
    object: object ?? pick(random, LEXICON.object),
    place: pick(random, LEXICON.place),
  };
}

export const story: Page = (random, world) => tellStory(random, world);

export const letter: Page = (random) => {
  const [from, to] = pickDistinct(random, LEXICON.person, 2) as [string, string];
  const bindings = { from, to, object: pick(random, LEXICON.object), place: pick(random, LEXICON.place) };
  const heading = chance(random, 0.6) ? "from {from} to {to} about the {object}: " : "";
  const closing = pick(random, LETTER_CLOSINGS);
  return fill(
    `${heading}dear {to}, ${pick(random, LETTER_BODIES)}. ${closing}. your friend {from}.`,
    bindings,
  );
};
