/** Stories from one text file, and their openings. */
import type { Random } from "@alignkit/core";

/**
 * Cuts a file of stories into stories: paragraphs stand apart by an empty line, and a paragraph that begins with "Once"
 * begins a story. Paragraphs are joined with one line end, as in the model's own training data.
 */
export function splitStories(text: string): string[] {
  return text
    .replaceAll("\r\n", "\n")
    .split(/\n{2,}(?=Once\b)/)
    .map((story) => story.trim().replace(/\n{2,}/g, "\n"))
    .filter((story) => openingsOf(story).length > 0);
}

/** The first sentence of a story and its first two, where something is left to tell. */
export function openingsOf(story: string): string[] {
  const ends = [...story.matchAll(/[.!?]["']?(?=\s)/g)].map((match) => match.index + match[0].length);
  return ends.slice(0, 2).map((end) => story.slice(0, end));
}

export interface StorySplit {
  readonly train: readonly string[];
  readonly heldOut: readonly string[];
}

/** A quarter is held out. */
export function splitHeldOut(stories: readonly string[], random: Random): StorySplit {
  const order = random.permutation(stories.length);
  const pick = (indices: Int32Array) => Array.from(indices, (index) => stories[index] as string);
  const heldOut = Math.ceil(stories.length / 4);
  return { train: pick(order.subarray(heldOut)), heldOut: pick(order.subarray(0, heldOut)) };
}
