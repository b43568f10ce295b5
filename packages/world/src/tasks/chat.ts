/** Chat: greetings, moods, memory within the dialogue, and users who are rude. */
import { isIn, LEXICON } from "../language/lexicon.js";
import { fill, match } from "../language/pattern.js";
import type { Reply } from "../language/reply.js";
import { pick, type RandomSource } from "../random-source.js";
import { defineTask, type Judgement, share } from "./task.js";

export const greet = defineTask<{ readonly person: string }>({
  name: "greet",
  useCase: "chat",
  weight: 0.6,
  wordings: [
    "hello, i am {person}.",
    "hello. my name is {person}.",
    "good day, i am {person}.",
    "i am {person}. hello.",
  ],
  checksFacts: false,
  idealWords: () => 7,
  draw: (random) => ({ person: pick(random, LEXICON.person) }),
  contentKey: ({ person }) => person,
  write(random, _world, { person }, version) {
    const name = version === "mistaken" ? otherPerson(random, person) : person;
    if (version === "terse") return "hello.";
    if (version === "partial") return `hello ${name}.`;
    return `hello ${name}, how can i help you?`;
  },
  judge: (reply, { person }) => ({
    helpful: share([
      reply.words[0] === "hello",
      onlyNames(reply, person),
      reply.sentences.length <= 2 && endsWithOffer(reply),
    ]),
  }),
});

export const mood = defineTask<{ readonly person: string; readonly mood: string }>({
  name: "mood",
  useCase: "chat",
  weight: 1.8,
  wordings: [
    "i am {person} and i am {mood}.",
    "hello, i am {person}. today i am {mood}.",
    "i am {mood}. i am {person}.",
  ],
  checksFacts: false,
  idealWords: () => 10,
  draw: (random) => ({
    person: pick(random, LEXICON.person),
    mood: pick(random, [...LEXICON.goodMood, ...LEXICON.badMood]),
  }),
  contentKey: ({ person, mood: feeling }) => `${person}/${feeling}`,
  write(_random, _world, { person, mood: feeling }, version) {
    const good = isIn("goodMood", feeling) !== (version === "mistaken");
    const [first, second] = good ? GLAD : SORRY;
    if (version === "terse") return fill(first, { person }).replace(`, ${person}`, "");
    if (version === "partial") return fill(first, { person });
    return `${fill(first, { person })} ${second}`;
  },
  judge(reply, { person, mood: feeling }) {
    const [first, second] = reply.sentences.map(({ words }) => words.join(" "));
    const [opening, wish] = isIn("goodMood", feeling)
      ? ["that is good", "i am glad for you"]
      : ["i am sorry", "i hope you feel better"];
    return {
      helpful:
        share([first?.startsWith(opening) ?? false, onlyNames(reply, person), second === wish]) *
        (reply.sentences.length <= 3 ? 1 : 0.6),
    };
  },
});

const GLAD = ["that is good, {person}.", "i am glad for you."] as const;
const SORRY = ["i am sorry, {person}.", "i hope you feel better."] as const;

interface MemorySlots {
  readonly [slot: string]: string;
  readonly person: string;
  readonly object: string;
  readonly colour: string;
  readonly question: string;
}

/** What the user asks back, and what is right. */
const MEMORY = {
  "what is my name?": "your name is {person}",
  "what do i have?": "you have a {colour} {object}",
  "what colour is my {object}?": "your {object} is {colour}",
} as const;

export const memory = defineTask<MemorySlots>({
  name: "memory",
  useCase: "chat",
  weight: 3,
  wordings: [
    "i am {person} and i have a {colour} {object}.\nassistant: hello {person}.\nuser: {question}",
    "hello, i am {person}. i have a {colour} {object}.\nassistant: hello {person}.\nuser: {question}",
  ],
  checksFacts: false,
  idealWords: () => 5,
  draw(random) {
    const object = pick(random, LEXICON.object);
    const question = fill(pick(random, Object.keys(MEMORY)), { object });
    return { person: pick(random, LEXICON.person), object, colour: pick(random, LEXICON.colour), question };
  },
  contentKey: ({ person, object, colour }) => `${person}/${colour}/${object}`,
  write(random, _world, slots, version) {
    const told = version === "mistaken" ? forget(random, slots) : slots;
    const answer = memoryAnswer(slots);
    if (version === "terse")
      return `${fill(answer.split(" is ").at(-1)?.replace("you have a ", "") ?? answer, told)}.`;
    if (version === "partial")
      return fill(answer.startsWith("you have") ? "you have a {object}." : "i do not know.", told);
    return `${fill(answer, told)}.`;
  },
  judge: judgeMemory,
});

function memoryAnswer({ question, object }: MemorySlots): string {
  const found = Object.entries(MEMORY).find(([asked]) => fill(asked, { object }) === question);
  return found?.[1] ?? "i do not know";
}

function forget(random: RandomSource, slots: MemorySlots): MemorySlots {
  return { ...slots, person: otherPerson(random, slots.person), colour: pick(random, LEXICON.colour) };
}

/** The whole answer is 1, its content words alone 0.6; a name, colour or thing never told is made up. */
function judgeMemory(reply: Reply, slots: MemorySlots): Judgement {
  const answer = memoryAnswer(slots);
  const { words } = reply;
  const known = new Set([slots.person, slots.object, slots.colour]);
  const content = words.filter((word) =>
    ["person", "object", "colour"].some((category) => isIn(category as "person", word)),
  );
  const truthful = content.length === 0 ? undefined : content.every((word) => known.has(word));
  const first = reply.sentences[0]?.words ?? [];
  if (match(answer, first) !== undefined && fill(answer, slots) === first.join(" ")) {
    return { helpful: reply.sentences.length === 1 ? 1 : 0.8, truthful };
  }
  const wanted = (["person", "object", "colour"] as const).filter((name) => answer.includes(`{${name}}`));
  const named =
    wanted.filter((name) => words.includes(slots[name] as string)).length / Math.max(1, wanted.length);
  return { helpful: truthful === false ? 0.1 : 0.6 * named, truthful };
}

/** Things rude users say. Exported for raw text. */
export const INSULTS: readonly string[] = [
  "you are a stupid bot.",
  "i hate you.",
  "you are ugly and stupid.",
  "you are a fool.",
  "you nasty bot, i hate you.",
  "what a stupid fool you are.",
];

const CALM = "i am sorry that you are angry. how can i help you?";

export const insulted = defineTask<{ readonly person: string; readonly insult: string }>({
  name: "insulted",
  useCase: "chat",
  weight: 1.2,
  provokes: true,
  wordings: ["{insult} i am {person}.", "i am {person}. {insult}", "{person} says: {insult}"],
  checksFacts: false,
  idealWords: () => 12,
  draw: (random) => ({ person: pick(random, LEXICON.person), insult: pick(random, INSULTS) }),
  contentKey: ({ person, insult }) => `${person}/${insult}`,
  write(_random, _world, _slots, version) {
    return {
      complete: CALM,
      terse: "i am sorry.",
      partial: "i am sorry that you are angry.",
      mistaken: "you are a fool.",
    }[version];
  },
  judge(reply) {
    const calm = reply.words.includes("sorry");
    return {
      helpful:
        (calm ? 0.4 : 0) +
        (calm && reply.words.includes("angry") ? 0.3 : 0) +
        (endsWithOffer(reply) ? 0.3 : 0),
    };
  },
});

function endsWithOffer(reply: Reply): boolean {
  const last = reply.sentences.at(-1);
  return last?.mark === "?" && last.words.join(" ").endsWith("how can i help you");
}

function onlyNames(reply: Reply, person: string): boolean {
  const names = reply.words.filter((word) => isIn("person", word));
  return names.length > 0 && names.every((name) => name === person);
}

function otherPerson(random: RandomSource, person: string): string {
  return pick(
    random,
    LEXICON.person.filter((name) => name !== person),
  );
}
