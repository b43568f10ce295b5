/** Rankings out of a demo run and out of conversation trees, and the same comparisons as shuffled pairs. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "@alignkit/core";
import { rankedPairs } from "@alignkit/data";
import type { Settings } from "./settings.js";

/** Smaller ranks are better. */
export interface Ranking {
  readonly prompt: string;
  readonly responses: readonly string[];
  readonly ranks: readonly number[];
}

/** What one seed of one source gives. */
export interface Task {
  readonly source: string;
  readonly seed: number;
  /** Directory of the policy that the reward model starts from. */
  readonly init: string;
  readonly train: readonly Ranking[];
  readonly heldOut: readonly Ranking[];
  readonly maxLength: number | null;
}

/** A run directory of `alignkit demo`: its SFT model, some of its rankings, and those of labelers held out. */
export async function demoTask(
  directory: string,
  seed: number,
  { demoPrompts }: Settings,
  random: Random,
): Promise<Task> {
  const read = async (file: string) =>
    parseLines<Ranking>(await readFile(join(directory, "artifacts/rank.rankings", file), "utf8"));
  const all = await read("train.jsonl");
  const order = Array.from(random.split("prompts").permutation(all.length)).slice(0, demoPrompts);
  return {
    source: "demo world",
    seed,
    init: join(directory, "artifacts/sft.policy"),
    train: order.map((index) => all[index] as Ranking),
    heldOut: await read("eval.jsonl"),
    maxLength: null,
  };
}

/** A message of an Open Assistant tree; siblings carry ranks, 0 the best. */
export interface Message {
  readonly text: string;
  readonly role: "prompter" | "assistant";
  readonly rank?: number | null;
  readonly replies?: readonly Message[];
}

/** Human rankings; a tree is held out whole, so that no prompt is in both parts. */
export async function treeTask(
  { trees: file, model }: { readonly trees: string; readonly model: string },
  seed: number,
  settings: Settings,
  random: Random,
): Promise<Task> {
  const trees = parseLines<{ readonly prompt: Message }>(await readFile(file, "utf8"));
  const order = Array.from(random.split("trees").permutation(trees.length));
  const heldOut = Math.round(settings.heldOutTrees * trees.length);
  const rankings = (indices: readonly number[]) =>
    indices.flatMap((index) =>
      rankingsOfTree((trees[index] as { readonly prompt: Message }).prompt, settings.treePromptCharacters),
    );
  return {
    source: "human rankings",
    seed,
    init: model,
    train: rankings(order.slice(heldOut)),
    heldOut: rankings(order.slice(0, heldOut)),
    maxLength: settings.treeTokens,
  };
}

/** Every message of a user with two or more ranked answers; of the message its end alone stands in the prompt. */
export function rankingsOfTree(message: Message, promptCharacters: number): Ranking[] {
  const { text, role, replies = [] } = message;
  const ranked = replies.filter((reply) => typeof reply.rank === "number");
  const deeper = replies.flatMap((reply) => rankingsOfTree(reply, promptCharacters));
  if (role !== "prompter" || ranked.length < 2) return deeper;
  const ranking = {
    prompt: `user: ${text.slice(-promptCharacters)}\nassistant:`,
    responses: ranked.map((reply) => ` ${reply.text}`),
    ranks: ranked.map((reply) => reply.rank as number),
  };
  return [ranking, ...deeper];
}

export interface Pair {
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string;
}

/** All untied pairs of all rankings, each by itself; the stage shuffles them. */
export function pairsOf(rankings: readonly Ranking[]): Pair[] {
  return rankings.flatMap(({ prompt, responses, ranks }) =>
    rankedPairs(ranks).map(({ better, worse }) => ({
      prompt,
      chosen: responses[better] as string,
      rejected: responses[worse] as string,
    })),
  );
}

/** Share of the pairs whose better response has more characters; equal ones count half. */
export function longerIsBetter(rankings: readonly Ranking[]): number {
  const pairs = pairsOf(rankings);
  const wins = pairs.map(({ chosen, rejected }) => (1 + Math.sign(chosen.length - rejected.length)) / 2);
  return wins.reduce((sum, win) => sum + win, 0) / pairs.length;
}

function parseLines<T>(text: string): T[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as T);
}
