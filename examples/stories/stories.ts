/** Stories from one text file, and their openings. */
import type { Random } from "@alignkit/core";

/**
 * Marks as the dataset spells them: curly ones, and curly ones whose UTF-8 was once read as Windows-1252. The model has
 * seen them as plain ones and gives the others 20 nats a byte.
 */
const plainMarks: readonly (readonly [RegExp, string])[] = [
  [/\u00e2\u20ac[\u201c\u201d]/g, "-"],
  [/\u00e2\u20ac[\u2122\u02dc]/g, "'"],
  [/\u00e2\u20ac\u00a6/g, "..."],
  [/\u00e2\u20ac[\u0153\u009d]?/g, '"'],
  [/[\u201c\u201d]/g, '"'],
  [/[\u2018\u2019]/g, "'"],
  [/[\u2013\u2014]/g, "-"],
  [/\u2026/g, "..."],
];

/** The text with plain quotation marks, apostrophes, dashes and ellipses. */
export function withPlainMarks(text: string): string {
  return plainMarks.reduce((current, [pattern, plain]) => current.replace(pattern, plain), text);
}

/**
 * Cuts a file of stories into stories: paragraphs stand apart by an empty line, and a paragraph that begins with "Once"
 * begins a story. Paragraphs are joined with one line end, as in the model's own training data.
 */
export function splitStories(text: string): string[] {
  return withPlainMarks(text)
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
