/** Sentences of film reviews with their polarity, and rankings made of them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "@alignkit/core";
import type { LabelledText } from "./judge.js";

/** Reads `rt-polarity.pos` and `rt-polarity.neg`, a sentence a line. */
export async function readPolarity(directory: string): Promise<readonly LabelledText[]> {
  const read = async (name: string, positive: boolean) => {
    const text = await readFile(join(directory, name), "utf8");
    const sentences = text.split("\n").map(asProse);
    return sentences.filter((sentence) => sentence !== "").map((sentence) => ({ text: sentence, positive }));
  };
  return [...(await read("rt-polarity.pos", true)), ...(await read("rt-polarity.neg", false))];
}

/** The data are lower-case with spaces around marks; the stories are not: `a fun film , too .` becomes `A fun film, too.` */
export function asProse(sentence: string): string {
  const spaced = sentence
    .trim()
    .replace(/\s+/g, " ")
    .replace(/ ([,.!?;:%)\]]|'s\b|n't\b)/g, "$1")
    .replace(/([([]) /g, "$1")
    .replace(/\bi\b/g, "I");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

export interface PolaritySplit {
  /** What the reward model learns from, and what it is measured on. */
  readonly rewardTrain: readonly LabelledText[];
  readonly rewardHeldOut: readonly LabelledText[];
  /** The other half: what the judge learns from, and what it is measured on. */
  readonly judgeTrain: readonly LabelledText[];
  readonly judgeHeldOut: readonly LabelledText[];
}

/** Two halves with as many sentences of each class, a fifth of each half held out. */
export function splitPolarity(texts: readonly LabelledText[], random: Random): PolaritySplit {
  const parts: LabelledText[][] = [[], [], [], []];
  for (const positive of [true, false]) {
    const own = texts.filter((text) => text.positive === positive);
    const order = random.split(positive ? "positive" : "negative").permutation(own.length);
    for (const [place, index] of order.entries()) {
      const half = place < own.length / 2 ? 0 : 2;
      (parts[half + (place % 5 === 4 ? 1 : 0)] as LabelledText[]).push(own[index] as LabelledText);
    }
  }
  const [rewardTrain, rewardHeldOut, judgeTrain, judgeHeldOut] = parts as [
    LabelledText[],
    LabelledText[],
    LabelledText[],
    LabelledText[],
  ];
  return { rewardTrain, rewardHeldOut, judgeTrain, judgeHeldOut };
}

/** A line of a rankings file. */
export interface Ranking {
  readonly prompt: string;
  readonly responses: readonly string[];
  /** 1 for positive sentences, 2 for negative ones: ties within a class. */
  readonly ranks: readonly number[];
}

const fewest = 4;
const most = 9;

/** Each sentence in one ranking of K = 4 to 9, both classes in each; the few that are left over are dropped. */
export function makeRankings(texts: readonly LabelledText[], random: Random): Ranking[] {
  const queues = [true, false].map((positive) => {
    const own = texts.filter((text) => text.positive === positive);
    const order = random.split(positive ? "positive" : "negative").permutation(own.length);
    return Array.from(order, (index) => own[index] as LabelledText);
  }) as [LabelledText[], LabelledText[]];
  const sizes = random.split("sizes");
  const rankings: Ranking[] = [];
  for (;;) {
    const count = fewest + sizes.integer(most - fewest + 1);
    if (queues.some((queue) => queue.length === 0) || queues[0].length + queues[1].length < count)
      return rankings;
    // One of each class, then whichever comes.
    const members = queues.map((queue) => queue.pop() as LabelledText);
    while (members.length < count) {
      const remaining = queues[0].length + queues[1].length;
      const queue = sizes.integer(remaining) < queues[0].length ? queues[0] : queues[1];
      members.push(queue.pop() as LabelledText);
    }
    const order = Array.from(sizes.permutation(count), (index) => members[index] as LabelledText);
    rankings.push({
      prompt: "",
      responses: order.map(({ text }) => text),
      ranks: order.map(({ positive }) => (positive ? 1 : 2)),
    });
  }
}
