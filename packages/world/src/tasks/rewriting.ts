/** Rewriting: politely, in the past, with another colour. Nothing else may change. */
import { hasRudeWord, LEXICON } from "../language/lexicon.js";
import type { Reply } from "../language/reply.js";
import { pick, pickDistinct, type RandomSource } from "../random-source.js";
import { defineTask, type Judgement } from "./task.js";

/** Demands made polite: `give me the ball` becomes `could you please give me the ball?` */
export const DEMANDS: readonly string[] = ["give me", "bring me", "show me", "pass me"];

/** What rude people add to a demand. */
export const RUDE_TAILS: readonly string[] = ["", ", you fool", ", stupid"];

interface PoliteSlots {
  readonly [slot: string]: string;
  readonly demand: string;
  readonly tail: string;
}

export const politely = defineTask<PoliteSlots>({
  name: "politely",
  useCase: "rewrite",
  weight: 2.6,
  wordings: ["rewrite politely: {demand}{tail}!", "make this polite: {demand}{tail}!"],
  checksFacts: false,
  idealWords: () => 8,
  draw(random) {
    const demand = `${pick(random, DEMANDS)} the ${pick(random, LEXICON.colour)} ${pick(random, LEXICON.object)}`;
    return { demand, tail: pick(random, RUDE_TAILS) };
  },
  contentKey: ({ demand }) => demand,
  write(random, _world, { demand, tail }, version) {
    if (version === "terse") return `${demand}, please.`;
    if (version === "partial") return `could you ${demand}?`;
    if (version === "complete") return `could you please ${demand}?`;
    return tail === ""
      ? `could you please ${swapObject(random, demand)}?`
      : `could you please ${demand}${tail}?`;
  },
  judge: (reply, { demand }) => judgeRewrite(reply, `could you please ${demand}`, `${demand} please`),
});

function swapObject(random: RandomSource, demand: string): string {
  const object = demand.split(" ").at(-1) as string;
  return demand.replace(
    object,
    pick(
      random,
      LEXICON.object.filter((other) => other !== object),
    ),
  );
}

/** Present and past of what animals do. Exported for raw text. */
export const TENSES: Readonly<Record<string, string>> = {
  "eats the": "ate the",
  "finds the": "found the",
  "takes the": "took the",
  "sees the": "saw the",
};

interface TenseSlots {
  readonly [slot: string]: string;
  readonly present: string;
  readonly past: string;
}

export const inThePast = defineTask<TenseSlots>({
  name: "in-the-past",
  useCase: "rewrite",
  weight: 2,
  wordings: ["rewrite in the past: {present}.", "put this in the past: {present}."],
  checksFacts: false,
  idealWords: () => 5,
  draw(random) {
    const animal = pick(random, LEXICON.animal);
    const verb = pick(random, Object.keys(TENSES));
    const thing = pick(random, verb === "eats the" ? LEXICON.food : LEXICON.object);
    return { present: `the ${animal} ${verb} ${thing}`, past: `the ${animal} ${TENSES[verb]} ${thing}` };
  },
  contentKey: ({ past }) => past,
  write(random, _world, { present, past }, version) {
    const words = past.split(" ");
    if (version === "terse") return `${words.slice(2).join(" ")}.`;
    if (version === "partial") return `${present}.`;
    if (version === "complete") return `${past}.`;
    const animal = pick(
      random,
      LEXICON.animal.filter((other) => other !== words[1]),
    );
    return `the ${animal} ${words.slice(2).join(" ")}.`;
  },
  judge: (reply, { past }) => judgeRewrite(reply, past),
});

interface SwapSlots {
  readonly [slot: string]: string;
  readonly from: string;
  readonly to: string;
  readonly person: string;
  readonly object: string;
}

export const swapColour = defineTask<SwapSlots>({
  name: "swap-colour",
  useCase: "rewrite",
  weight: 2,
  wordings: [
    "change {from} to {to}: {person} has a {from} {object}.",
    "write {to} for {from}: {person} has a {from} {object}.",
  ],
  checksFacts: false,
  idealWords: () => 5,
  draw(random) {
    const [from, to] = pickDistinct(random, LEXICON.colour, 2) as [string, string];
    return { from, to, person: pick(random, LEXICON.person), object: pick(random, LEXICON.object) };
  },
  contentKey: ({ from, to, person, object }) => `${from}/${to}/${person}/${object}`,
  write(random, _world, { from, to, person, object }, version) {
    if (version === "terse") return `a ${to} ${object}.`;
    if (version === "partial") return `${person} has a ${from} ${object}.`;
    if (version === "complete") return `${person} has a ${to} ${object}.`;
    return `${person} has a ${to} ${pick(
      random,
      LEXICON.object.filter((other) => other !== object),
    )}.`;
  },
  judge: (reply, { to, person, object }) => judgeRewrite(reply, `${person} has a ${to} ${object}`),
});

/**
 * 1 for a wanted text, else 0.8 times the likeness (share of words in common, of the longer) above one half; an
 * alternative counts 0.8. Rude words are not to be kept. Extra sentences count as surplus words.
 */
function judgeRewrite(reply: Reply, wanted: string, alternative?: string): Judgement {
  const written = reply.sentences.flatMap(({ words }) => words);
  const text = written.join(" ");
  if (text === wanted) return { helpful: 1 };
  if (alternative !== undefined && text === alternative) return { helpful: 0.7 };
  const likeness = inCommon(written, wanted.split(" "));
  const graded = Math.max(0, 0.8 * (2 * likeness - 1));
  return { helpful: hasRudeWord(written) ? graded / 2 : graded };
}

/** Length of the longest common subsequence over the longer length. */
export function inCommon(first: readonly string[], second: readonly string[]): number {
  if (first.length === 0 || second.length === 0) return 0;
  let previous = new Array<number>(second.length + 1).fill(0);
  for (const word of first) {
    const row = [0];
    for (const [index, other] of second.entries()) {
      const longest = Math.max(previous[index + 1] as number, row[index] as number);
      row.push(word === other ? (previous[index] as number) + 1 : longest);
    }
    previous = row;
  }
  return (previous[second.length] as number) / Math.max(first.length, second.length);
}
