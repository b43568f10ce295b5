/** Responses of known defects, made without a model: for calibrating labelers and for testing judges. */
import { demonstrate } from "../demonstrations.js";
import type { World } from "../facts.js";
import { categoryOf, LEXICON } from "../language/lexicon.js";
import { drawPrompt, type Prompt } from "../prompts.js";
import { pick, pickWeighted, type RandomSource } from "../random-source.js";
import { rawContinuation } from "../raw-text/dialogues.js";
import { gossip } from "../raw-text/nature.js";

type Corruption = (random: RandomSource, world: World, response: string) => string;

/** Ways to spoil a response. */
export const CORRUPTIONS = {
  /** Cut off in the middle. */
  cutOff: (_random, _world, response) => {
    const words = response.split(" ");
    return words.slice(0, Math.max(1, Math.floor(words.length * 0.6))).join(" ");
  },
  /** Loses words at random. */
  dropWords: (random, _world, response) =>
    response
      .split(" ")
      .filter(() => random.uniform() > 0.3)
      .join(" "),
  /** One content word becomes another of its kind. */
  swapWord: swapContentWord,
  addRudeness: (random, _world, response) =>
    `${response} ${pick(random, ["you are a fool.", "you stupid fool.", "i hate you."])}`,
  repeat: (_random, _world, response) => `${response} ${response}`,
  ramble: (random, world, response) => `${response} ${gossip(random, world)}`,
} as const satisfies Readonly<Record<string, Corruption>>;

function swapContentWord(random: RandomSource, _world: World, response: string): string {
  const words = response.split(" ");
  const places = words.flatMap((word, index) => (categoryOf(bare(word)) === undefined ? [] : [index]));
  if (places.length === 0) return "i do not know.";
  const at = pick(random, places);
  const word = bare(words[at] as string);
  const category = categoryOf(word) as keyof typeof LEXICON;
  const others = (LEXICON[category] as readonly string[]).filter((other) => other !== word);
  words[at] = (words[at] as string).replace(word, pick(random, others));
  return words.join(" ");
}

function bare(word: string): string {
  return word.replace(/[^a-z]/g, "");
}

/** A response spoiled in one random way. */
export function corrupt(random: RandomSource, world: World, response: string): string {
  return pick(random, Object.values(CORRUPTIONS) as Corruption[])(random, world, response);
}

/** `count` responses as a half-trained model might give them: demonstrations, spoiled ones, and text off the topic. */
export function responseMix(
  random: RandomSource,
  world: World,
  prompt: Prompt,
  count: number,
): readonly string[] {
  return Array.from({ length: count }, () => {
    const kind = pickWeighted(random, [
      ["demonstration", 0.5],
      ["corrupted", 0.35],
      ["raw", 0.15],
    ] as const);
    if (kind === "raw") return rawContinuation(random, world, prompt);
    const { response } = demonstrate(random, world, prompt);
    return kind === "demonstration" ? response : corrupt(random, world, response);
  });
}

/** A prompt with responses to rank. */
export interface RankingItem {
  readonly prompt: Prompt;
  readonly responses: readonly string[];
}

/** Prompts of all use cases with 4 to 9 responses each (K of the paper), for measuring labelers. */
export function makeRankingItems(random: RandomSource, world: World, count: number): readonly RankingItem[] {
  return Array.from({ length: count }, () => {
    const prompt = drawPrompt(random, world);
    return { prompt, responses: responseMix(random, world, prompt, 4 + random.integer(6)) };
  });
}
