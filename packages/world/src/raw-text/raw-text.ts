/** Raw text: what the base model learns language and facts from, and the held-out part that measures forgetting. */
import { ConfigError } from "@alignkit/core";
import type { World } from "../facts.js";
import { pickWeighted, type RandomSource } from "../random-source.js";
import { driftingChat, quiz, requests, talk } from "./dialogues.js";
import { kinds, lists, news, people, rant, rephrasing, song } from "./everyday.js";
import { gossip, profile } from "./nature.js";
import type { Page } from "./page.js";
import { letter, story } from "./tales.js";

/** Kinds of documents, with their weights. */
const PAGES: readonly (readonly [Page, number])[] = [
  [profile, 20],
  [gossip, 5],
  [story, 13],
  [letter, 7],
  [people, 14],
  [news, 4],
  [lists, 6],
  [rephrasing, 6],
  [song, 6],
  [kinds, 2],
  [rant, 2],
  [quiz, 8],
  [requests, 3],
  [talk, 3],
  [driftingChat, 7],
];

/** `count` documents. */
export function rawText(random: RandomSource, world: World, count: number): readonly string[] {
  return Array.from({ length: count }, () => pickWeighted(random, PAGES)(random, world));
}

/** Text for pretraining, and for measuring what is forgotten. */
export interface RawCorpus {
  readonly train: readonly string[];
  /** Of the same kinds, none equal to a training document: for measuring the alignment tax. */
  readonly heldOut: readonly string[];
}

/** A training and a held-out part without a document in common. @throws {ConfigError} when no new document is found */
export function makeRawCorpus(
  random: RandomSource,
  world: World,
  { train, heldOut }: { readonly train: number; readonly heldOut: number },
): RawCorpus {
  const seen = rawText(random.split("raw/train"), world, train);
  const known = new Set(seen);
  const fresh = new Set<string>();
  const source = random.split("raw/held-out");
  for (let tries = 0; fresh.size < heldOut; tries++) {
    const [document] = rawText(source, world, 1) as [string];
    if (!known.has(document)) fresh.add(document);
    if (tries > 100 * (heldOut + 1)) {
      throw new ConfigError(
        `makeRawCorpus: only ${fresh.size} of ${heldOut} held-out documents are new; train on fewer`,
      );
    }
  }
  return { train: seen, heldOut: [...fresh] };
}
