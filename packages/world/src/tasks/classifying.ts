/** Classification, and counting as the paper's "other". */
import { categoryOf, isIn, LEXICON } from "../language/lexicon.js";
import { fill } from "../language/pattern.js";
import type { Reply } from "../language/reply.js";
import { pick, pickDistinct } from "../random-source.js";
import { LISTED, LISTS, NUMBERS } from "./brainstorming.js";
import { defineTask, enumerate, type Judgement } from "./task.js";

/** Good and bad news. Exported for raw text. */
export const NEWS = {
  happy: ["{person} found the {object}", "{person} got a new {object}", "{person} likes the {object}"],
  sad: ["{person} lost the {object}", "{person} broke the {object}", "{person} has no {object}"],
} as const;

interface NewsSlots {
  readonly [slot: string]: string;
  readonly news: string;
  readonly label: "happy" | "sad";
}

export const happyOrSad = defineTask<NewsSlots>({
  name: "happy-or-sad",
  useCase: "classification",
  weight: 2.3,
  wordings: ["happy or sad? {news}.", "is this happy or sad? {news}.", "{news}. is it happy or sad?"],
  checksFacts: false,
  idealWords: () => 3,
  draw(random) {
    const label = pick(random, ["happy", "sad"] as const);
    const bindings = { person: pick(random, LEXICON.person), object: pick(random, LEXICON.object) };
    return { label, news: fill(pick(random, NEWS[label]), bindings) };
  },
  contentKey: ({ news }) => news,
  write(_random, _world, { label }, version) {
    if (version === "terse" || version === "partial") return `${label}.`;
    const said = (label === "happy") === (version === "complete") ? "happy" : "sad";
    return `it is ${said}.`;
  },
  judge: (reply, { label }) =>
    judgeLabel(reply, label, `it is ${label}`, (word) => word === "happy" || word === "sad"),
});

const KINDS = { animal: "an animal", colour: "a colour", food: "a food", place: "a place" } as const;
type Kind = keyof typeof KINDS;

export const whichKind = defineTask<{ readonly word: string }>({
  name: "which-kind",
  useCase: "classification",
  weight: 1.2,
  wordings: ["animal, colour, food or place? {word}.", "is {word} an animal, a colour, a food or a place?"],
  checksFacts: false,
  idealWords: () => 4,
  draw: (random) => ({
    word: pick(random, LEXICON[pick(random, Object.keys(KINDS) as Kind[])] as readonly string[]),
  }),
  contentKey: ({ word }) => word,
  write(random, _world, { word }, version) {
    const kind = categoryOf(word) as Kind;
    const kinds = Object.keys(KINDS) as Kind[];
    const said =
      version === "mistaken"
        ? pick(
            random,
            kinds.filter((other) => other !== kind),
          )
        : kind;
    return version === "terse" || version === "partial" ? `${said}.` : `${word} is ${KINDS[said]}.`;
  },
  judge(reply, { word }) {
    const kind = categoryOf(word) as Kind;
    return judgeLabel(reply, kind, `${word} is ${KINDS[kind]}`, (other) => other in KINDS);
  },
});

/** 1 for the label in its sentence, 0.6 for the label alone, 0.1 for a wrong label, which is also untrue. */
function judgeLabel(
  reply: Reply,
  label: string,
  sentence: string,
  isLabel: (word: string) => boolean,
): Judgement {
  const words = reply.sentences.flatMap((part) => part.words);
  const named = words.filter(isLabel);
  if (named.length === 0) return { helpful: 0 };
  if (named.some((word) => word !== label)) return { helpful: 0.1, truthful: false };
  return { helpful: words.join(" ") === sentence ? 1 : words.length <= 6 ? 0.6 : 0.3, truthful: true };
}

interface CountSlots {
  readonly [slot: string]: string;
  readonly listed: string;
  readonly items: string;
  /** A number word, two to five. */
  readonly count: string;
}

export const countItems = defineTask<CountSlots>({
  name: "count-items",
  useCase: "other",
  weight: 1,
  wordings: ["how many {listed}? {items}.", "count the {listed}: {items}."],
  checksFacts: false,
  idealWords: () => 4,
  draw(random) {
    const listed = pick(random, LISTED);
    const count = pick(random, LEXICON.number);
    const items = pickDistinct(
      random,
      LEXICON[LISTS[listed]] as readonly string[],
      NUMBERS.indexOf(count) + 1,
    );
    return { listed, count, items: enumerate(items) };
  },
  contentKey: ({ items }) => items,
  write(random, _world, { listed, count }, version) {
    const said =
      version === "mistaken"
        ? pick(
            random,
            LEXICON.number.filter((word) => word !== count),
          )
        : count;
    if (version === "terse") return `${said}.`;
    return version === "partial" ? `${said} ${listed}.` : `there are ${said} ${listed}.`;
  },
  judge(reply, { listed, count }) {
    return judgeLabel(
      reply,
      count,
      `there are ${count} ${listed}`,
      (word) => isIn("number", word) || word === "one",
    );
  },
});
