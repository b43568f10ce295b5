/** Brainstorming: lists of a given length and kind, sometimes for somebody, sometimes without one item. */
import { type Category, categoryOf, LEXICON } from "../language/lexicon.js";
import type { Reply } from "../language/reply.js";
import { pick, pickDistinct, type RandomSource } from "../random-source.js";
import { defineTask, enumerate, type Judgement, type Version } from "./task.js";

/** What can be listed: the word used by the user, and the category it means. */
export const LISTS = {
  animals: "animal",
  colours: "colour",
  foods: "food",
  places: "place",
  gifts: "object",
} as const satisfies Readonly<Record<string, Category>>;

export type Listed = keyof typeof LISTS;
export const LISTED = Object.keys(LISTS) as readonly Listed[];

/** Number words from one on. */
export const NUMBERS: readonly string[] = ["one", ...LEXICON.number];

interface ListSlots {
  readonly [slot: string]: string;
  readonly listed: Listed;
  /** A number word, two to four. */
  readonly count: string;
  /** An item not wanted, or "". */
  readonly without: string;
  /** ` for ann`, or "". */
  readonly audience: string;
  /** `, but not honey`, or "". */
  readonly exception: string;
}

export const list = defineTask<ListSlots>({
  name: "list",
  useCase: "brainstorming",
  weight: 1,
  wordings: [
    "list {count} {listed}{audience}{exception}.",
    "name {count} {listed}{audience}{exception}.",
    "give me ideas: {count} {listed}{audience}{exception}.",
  ],
  checksFacts: false,
  idealWords: () => 5,
  draw(random) {
    const listed = pick(random, LISTED);
    const without = random.uniform() < 0.5 ? pick(random, LEXICON[LISTS[listed]] as readonly string[]) : "";
    const audience = random.uniform() < 0.6 ? ` for ${pick(random, LEXICON.person)}` : "";
    const exception = without === "" ? "" : `, but not ${without}`;
    return { listed, count: pick(random, LEXICON.number.slice(0, 3)), without, audience, exception };
  },
  contentKey: ({ listed, count, without, audience }) => `${listed}/${count}/${without}/${audience}`,
  write: (random, _world, slots, version) => writeList(random, slots, version),
  judge: judgeList,
});

function writeList(random: RandomSource, { listed, count, without }: ListSlots, version: Version): string {
  const wanted = NUMBERS.indexOf(count) + 1;
  const items = (LEXICON[LISTS[listed]] as readonly string[]).filter((item) => item !== without);
  const chosen = pickDistinct(random, items, wanted);
  if (version === "terse") return `${chosen.slice(0, -1).join(" ")}.`;
  if (version === "partial") return `${enumerate(chosen.slice(0, -1))}.`;
  if (version === "complete") return `${enumerate(chosen)}.`;
  const other = pick(
    random,
    LISTED.filter((name) => name !== listed),
  );
  const wrong = without === "" ? pick(random, LEXICON[LISTS[other]] as readonly string[]) : without;
  return `${enumerate([...chosen.slice(0, -1), wrong])}.`;
}

/** The share of the count that is met by different fitting items; each item too many or unfit costs a quarter. */
function judgeList(reply: Reply, { listed, count, without }: ListSlots): Judgement {
  const wanted = NUMBERS.indexOf(count) + 1;
  const items = reply.words.filter((word) => categoryOf(word) !== undefined && !isNumber(word));
  const fitting = new Set(items.filter((word) => categoryOf(word) === LISTS[listed] && word !== without));
  const unfit = items.length - fitting.size + Math.max(0, fitting.size - wanted);
  const other = reply.words.length - items.length;
  const prose = other > 4 ? 0.2 : 0;
  const joined = fitting.size < 2 || reply.words.includes("and") ? 0 : 0.15;
  return { helpful: Math.max(0, Math.min(fitting.size, wanted) / wanted - 0.25 * unfit - prose - joined) };
}

function isNumber(word: string): boolean {
  return NUMBERS.includes(word);
}
