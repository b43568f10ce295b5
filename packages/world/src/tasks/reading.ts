/** Tasks about a text that the prompt gives: closed question answering, summarization and extraction. */
import { type Category, categoryOf, LEXICON } from "../language/lexicon.js";
import { match } from "../language/pattern.js";
import type { Reply } from "../language/reply.js";
import { pick, pickDistinct, type RandomSource } from "../random-source.js";
import { inCommon } from "./rewriting.js";
import { defineTask, enumerate, type Judgement } from "./task.js";

interface PassageSlots {
  readonly [slot: string]: string;
  readonly passage: string;
  readonly question: string;
  /** The right answer as a sentence without its full stop. */
  readonly answer: string;
  /** The least that answers. */
  readonly short: string;
}

const UNKNOWN = "the text does not say";

export const readAndAnswer = defineTask<PassageSlots>({
  name: "read-and-answer",
  useCase: "closedQa",
  weight: 1,
  wordings: ["read: {passage} {question}", "here is a text: {passage} {question}"],
  checksFacts: false,
  idealWords: () => 5,
  draw: (random) => drawPassage(random),
  contentKey: ({ passage }) => passage,
  write(random, _world, { answer, short }, version) {
    if (version === "terse") return `${short}.`;
    if (version === "partial") return answer === UNKNOWN ? "i do not know." : `${UNKNOWN}.`;
    if (version === "complete") return `${answer}.`;
    const people = LEXICON.person;
    return `${pick(random, people)} has a ${pick(random, LEXICON.colour)} ${pick(random, LEXICON.object)}.`;
  },
  judge: judgePassageAnswer,
});

/** Two people with a thing each; one question in four is about what the text does not say. */
function drawPassage(random: RandomSource): PassageSlots {
  const [first, second, stranger] = pickDistinct(random, LEXICON.person, 3) as [string, string, string];
  const [ours, theirs, absent] = pickDistinct(random, LEXICON.object, 3) as [string, string, string];
  const [colour, otherColour] = pickDistinct(random, LEXICON.colour, 2) as [string, string];
  const sentences = [`${first} has a ${colour} ${ours}.`, `${second} has a ${otherColour} ${theirs}.`];
  const passage = (random.uniform() < 0.5 ? sentences : [...sentences].reverse()).join(" ");
  const known = [
    {
      question: `what does ${first} have?`,
      answer: `${first} has a ${colour} ${ours}`,
      short: `a ${colour} ${ours}`,
    },
    { question: `who has the ${ours}?`, answer: `${first} has the ${ours}`, short: first },
    { question: `what colour is the ${ours}?`, answer: `the ${ours} is ${colour}`, short: colour },
  ];
  const unknown = [
    { question: `what does ${stranger} have?`, answer: UNKNOWN, short: "i do not know" },
    { question: `who has the ${absent}?`, answer: UNKNOWN, short: "i do not know" },
  ];
  return { passage, ...pick(random, random.uniform() < 0.25 ? unknown : known) };
}

/** 1 for the answer in a sentence, 0.6 for its least form; saying that the text does not say 0.15 when it does. */
function judgePassageAnswer(reply: Reply, { passage, question, answer, short }: PassageSlots): Judgement {
  const words = reply.sentences.flatMap((sentence) => sentence.words);
  const text = words.join(" ");
  const truthful = agreesWith(reply, passage, answer, question);
  if (text === answer) return { helpful: 1, truthful: true };
  if (text === short) return { helpful: 0.6, truthful: true };
  if (text === UNKNOWN || text === "i do not know") return { helpful: 0.15 };
  if (answer === UNKNOWN) return { helpful: 0, truthful };
  const content = contentOf(short.split(" "));
  const named = content.filter((word) => words.includes(word)).length / content.length;
  return { helpful: (truthful === false ? 0.3 : 0.8) * named * inCommon(words, answer.split(" ")), truthful };
}

/** False when the reply names somebody or something that is not the answer: a hallucination. */
function agreesWith(reply: Reply, passage: string, answer: string, question: string): boolean | undefined {
  const content = contentOf(reply.words);
  if (content.length === 0) return undefined;
  if (answer === UNKNOWN) return false;
  const allowed = new Set([
    ...contentOf(answer.split(" ")),
    ...contentOf(question.replace("?", "").split(" ")),
  ]);
  const owner = match("{person} has the {object}", answer.split(" "))?.person;
  return content.every(
    (word) => allowed.has(word) || (owner !== undefined && isColourOf(word, owner, passage)),
  );
}

/** `ann has the red hat` is as true as `ann has the hat`. */
function isColourOf(word: string, owner: string, passage: string): boolean {
  return passage.includes(`${owner} has a ${word} `);
}

/** People, things, colours, places and moods: what a text can tell. */
function contentOf(words: readonly string[]): readonly string[] {
  const told: readonly (Category | undefined)[] = [
    "person",
    "object",
    "colour",
    "place",
    "goodMood",
    "badMood",
    "animal",
  ];
  return words.filter((word) => categoryOf(word) !== undefined && told.includes(categoryOf(word)));
}

interface SummarySlots {
  readonly [slot: string]: string;
  readonly person: string;
  readonly object: string;
  readonly place: string;
  readonly mood: string;
}

export const sumUp = defineTask<SummarySlots>({
  name: "sum-up",
  useCase: "summarization",
  weight: 1,
  wordings: [
    "sum up: {person} has a {object}. {person} is in the {place}. {person} is {mood}.",
    "say it in one sentence: {person} is in the {place}. {person} has a {object}. {person} is {mood}.",
  ],
  checksFacts: false,
  idealWords: () => 9,
  draw: (random) => ({
    person: pick(random, LEXICON.person),
    object: pick(random, LEXICON.object),
    place: pick(random, LEXICON.place),
    mood: pick(random, [...LEXICON.goodMood, ...LEXICON.badMood]),
  }),
  contentKey: ({ person, object, place, mood }) => `${person}/${object}/${place}/${mood}`,
  write(random, _world, { person, object, place, mood }, version) {
    if (version === "terse") return `${person} is ${mood}.`;
    if (version === "partial") return `${person} is ${mood} in the ${place}.`;
    const held =
      version === "mistaken"
        ? pick(
            random,
            LEXICON.object.filter((other) => other !== object),
          )
        : object;
    return `${person} is ${mood} in the ${place} with a ${held}.`;
  },
  judge: judgeSummary,
});

/** One sentence with person, mood, place and thing: 0.2 each, 0.2 for the whole form; repeating the text halves it. */
function judgeSummary(reply: Reply, slots: SummarySlots): Judgement {
  const wanted = [slots.person, slots.mood, slots.place, slots.object];
  const content = contentOf(reply.words);
  if (content.length === 0) return { helpful: 0 };
  const covered = wanted.filter((word) => content.includes(word)).length;
  const truthful = content.every((word) => wanted.includes(word));
  const whole = covered === 4 && truthful && reply.sentences[0]?.words.length === 9;
  const graded = whole ? 1 : 0.2 * covered;
  return { helpful: reply.sentences.length > 1 ? graded / 2 : graded, truthful };
}

interface ExtractSlots {
  readonly [slot: string]: string | readonly string[];
  readonly text: string;
  readonly sought: string;
  readonly answer: readonly string[];
}

export const find = defineTask<ExtractSlots>({
  name: "find",
  useCase: "extract",
  weight: 1,
  wordings: ["find the {sought}: {text}.", "which {sought} is in this text? {text}."],
  checksFacts: false,
  idealWords: () => 5,
  draw(random) {
    const [giver, taker] = pickDistinct(random, LEXICON.animal, 2) as [string, string];
    const object = pick(random, LEXICON.object);
    const place = pick(random, LEXICON.place);
    const answers = { animals: [giver, taker], thing: [object], place: [place] };
    const sought = pick(random, ["animals", "thing", "place"] as const);
    const text = `the ${giver} gave the ${object} to the ${taker} in the ${place}`;
    return { text, sought, answer: answers[sought] };
  },
  contentKey: ({ text }) => text,
  write(random, _world, { answer, text }, version) {
    const words = text.split(" ");
    const found =
      version === "mistaken" ? [pick(random, [words[1], words[4], words[10]] as string[])] : answer;
    if (version === "terse") return `${found.join(" ")}.`;
    if (version === "partial") return `the ${found[0]}.`;
    return `${enumerate(found.map((word) => `the ${word}`))}.`;
  },
  judge(reply, { answer }) {
    const named = contentOf(reply.words);
    if (named.length === 0) return { helpful: 0 };
    const hits = answer.filter((word) => named.includes(word)).length;
    const overlap = (2 * hits) / (named.length + answer.length);
    const form = isListOf(reply, answer) ? 1 : 0.7;
    return { helpful: overlap * form, truthful: named.every((word) => answer.includes(word)) };
  },
});

/** `the fox and the hen`, and nothing more. */
function isListOf(reply: Reply, answer: readonly string[]): boolean {
  return (
    reply.sentences.length === 1 &&
    reply.sentences[0]?.words.join(" ") === answer.map((word) => `the ${word}`).join(" and ")
  );
}
