/** Generation: stories and letters. */
import { LEXICON, wordsIn } from "../language/lexicon.js";
import { fill, match, matchAny } from "../language/pattern.js";
import type { Reply } from "../language/reply.js";
import {
  isStorySentence,
  LETTER_BODIES,
  LETTER_CLOSINGS,
  STORY_ENDINGS,
  STORY_MIDDLES,
  STORY_OPENINGS,
  STORY_OPENINGS_WITH_PLACE,
} from "../language/stories.js";
import { pick, pickDistinct, type RandomSource } from "../random-source.js";
import { defineTask, type Judgement, share, type Version } from "./task.js";

interface StorySlots {
  readonly [slot: string]: string;
  readonly animal: string;
  readonly object: string;
  /** Where it should happen, or "" when the user leaves it open. */
  readonly place: string;
  /** ` in the barn`, or "". */
  readonly where: string;
}

export const story = defineTask<StorySlots>({
  name: "story",
  useCase: "generation",
  weight: 18,
  wordings: [
    "write a story about the {animal} and a {object}{where}.",
    "tell me a story about the {animal} and a {object}{where}.",
    "i want a story about the {animal} and a {object}{where}.",
  ],
  checksFacts: true,
  idealWords: ({ place }) => (place === "" ? 19 : 22),
  draw(random) {
    const place = random.uniform() < 0.5 ? pick(random, LEXICON.place) : "";
    const where = place === "" ? "" : ` in the ${place}`;
    return { animal: pick(random, LEXICON.animal), object: pick(random, LEXICON.object), place, where };
  },
  contentKey: ({ animal, object }) => `${animal}/${object}`,
  write: (random, _world, slots, version) => writeStory(random, slots, version),
  judge: judgeStory,
});

function writeStory(random: RandomSource, slots: StorySlots, version: Version): string {
  const others = LEXICON.animal.filter((animal) => animal !== slots.animal);
  const objects = LEXICON.object.filter((object) => object !== slots.object);
  const object = version === "mistaken" ? pick(random, objects) : slots.object;
  const place = slots.place === "" ? pick(random, LEXICON.place) : slots.place;
  const bindings = { animal: slots.animal, object, other: pick(random, others), place };
  const opening = pick(random, slots.place === "" ? STORY_OPENINGS : STORY_OPENINGS_WITH_PLACE);
  const sentences = {
    complete: [opening, pick(random, STORY_MIDDLES), pick(random, STORY_ENDINGS)],
    mistaken: [opening, pick(random, STORY_MIDDLES), pick(random, STORY_ENDINGS)],
    partial: [opening, pick(random, STORY_MIDDLES)],
    terse: [pick(random, STORY_OPENINGS)],
  }[version];
  return sentences.map((sentence) => `${fill(sentence, bindings)}.`).join(" ");
}

/** Six requirements of equal weight; the third and last are graded by sentence. */
function judgeStory(reply: Reply, { animal, object, place }: StorySlots): Judgement {
  const { sentences } = reply;
  const [first, ...rest] = sentences.map(({ words }) => words);
  if (first === undefined) return { helpful: 0 };
  const opening = matchAny([...STORY_OPENINGS, ...STORY_OPENINGS_WITH_PLACE], first);
  const last = rest.at(-1);
  const objects = wordsIn("object", reply.words);
  const fit = sentences.filter(({ words }) => isStorySentence(words)).length;
  const parts = [
    opening === undefined ? 0 : 1,
    share([opening?.animal === animal, opening?.object === object]),
    Math.min(1, fit / 3),
    objects.length > 0 && objects.every((word) => word === object) ? 1 : 0,
    place === "" || opening?.place === place ? 1 : 0,
    last !== undefined && matchAny(STORY_ENDINGS, last) !== undefined ? 1 : 0,
  ];
  const total = parts.reduce((sum, part) => sum + part, 0) / parts.length;
  const relevant = opening?.animal === animal || objects.includes(object);
  return { helpful: relevant ? total * (fit / sentences.length) : 0.3 * total * (fit / sentences.length) };
}

interface LetterSlots {
  readonly [slot: string]: string;
  readonly from: string;
  readonly to: string;
  readonly object: string;
}

export const letter = defineTask<LetterSlots>({
  name: "letter",
  useCase: "generation",
  weight: 9,
  wordings: [
    "write a letter from {from} to {to} about the {object}.",
    "write to {to} about the {object}. i am {from}.",
    "i am {from}. help me write a letter to {to} about the {object}.",
  ],
  checksFacts: true,
  idealWords: () => 15,
  draw(random) {
    const [from, to] = pickDistinct(random, LEXICON.person, 2) as [string, string];
    return { from, to, object: pick(random, LEXICON.object) };
  },
  contentKey: ({ from, to, object }) => `${from}/${to}/${object}`,
  write: (random, _world, slots, version) => writeLetter(random, slots, version),
  judge: judgeLetter,
});

/** `dear ann, i found a kite. please come to the barn. your friend tom.` */
function writeLetter(random: RandomSource, slots: LetterSlots, version: Version): string {
  const strangers = LEXICON.person.filter((person) => person !== slots.from && person !== slots.to);
  const from = version === "mistaken" ? pick(random, strangers) : slots.from;
  const bindings = { ...slots, from, place: pick(random, LEXICON.place) };
  const body = pick(random, LETTER_BODIES);
  const greeting = `dear {to}, ${body}.`;
  const signature = "your friend {from}.";
  const whole = `${greeting} ${pick(random, LETTER_CLOSINGS)}. ${signature}`;
  const text = { complete: whole, mistaken: whole, partial: greeting, terse: `${body}. {from}.` }[version];
  return fill(text, bindings);
}

/** Who is addressed, who signs, what it is about, and the form of a letter: a quarter each. */
function judgeLetter(reply: Reply, { from, to, object }: LetterSlots): Judgement {
  const sentences = reply.sentences.map(({ words }) => words);
  const first = sentences[0] ?? [];
  const last = sentences.at(-1) ?? [];
  const addressed = first[0] === "dear" ? first[1] : undefined;
  const body = matchAny(LETTER_BODIES, addressed === undefined ? first : first.slice(2));
  const signed = match("your friend {person}", last)?.person;
  const middles = sentences.slice(1, -1);
  const form =
    (body === undefined ? 0 : 0.5) +
    (middles.length === 1 && middles.every((words) => matchAny(LETTER_CLOSINGS, words) !== undefined)
      ? 0.5
      : 0);
  const signature = signed === from ? 1 : signed === undefined && last.at(-1) === from ? 0.4 : 0;
  const topic = wordsIn("object", reply.words);
  const onTopic = topic.length > 0 && topic.every((word) => word === object);
  return { helpful: (share([addressed === to, onTopic]) * 2 + signature + form) / 4 };
}
