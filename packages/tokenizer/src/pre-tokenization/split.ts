/** Cuts a text at the matches of a pattern, in the ways that `tokenizer.json` names. */
import type { AlignedText } from "../normalization/aligned-text.js";
import { slice } from "../normalization/aligned-text.js";

/** A stretch of a text, and whether the pattern matches it. */
interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly isMatch: boolean;
}

export type SplitBehavior = "Removed" | "Isolated" | "MergedWithPrevious" | "MergedWithNext" | "Contiguous";

const behaviors: Readonly<Record<SplitBehavior, (stretches: readonly Stretch[]) => readonly Stretch[]>> = {
  Removed: (stretches) => stretches.filter(({ isMatch }) => !isMatch),
  Isolated: (stretches) => stretches,
  Contiguous: (stretches) => merge(stretches, (before, after) => before.isMatch === after.isMatch),
  MergedWithPrevious: (stretches) => merge(stretches, (before, after) => !before.isMatch && after.isMatch),
  MergedWithNext: (stretches) => merge(stretches, (before, after) => before.isMatch && !after.isMatch),
};

/** @param invert - take what does not match for matches */
export function createSplit(
  pattern: RegExp,
  behavior: SplitBehavior,
  invert = false,
): (source: AlignedText) => readonly AlignedText[] {
  const arrange = behaviors[behavior];
  if (arrange === undefined) throw new Error(`unknown split behavior "${behavior}"`);
  return (source) => {
    const { text } = source;
    const stretches: Stretch[] = [];
    let taken = 0;
    for (const { 0: match, index } of text.matchAll(pattern)) {
      if (match === "") continue;
      if (index > taken) stretches.push({ start: taken, end: index, isMatch: invert });
      taken = index + match.length;
      stretches.push({ start: index, end: taken, isMatch: !invert });
    }
    if (taken < text.length) stretches.push({ start: taken, end: text.length, isMatch: invert });
    return arrange(stretches).map(({ start, end }) => slice(source, start, end));
  };
}

/** Joins neighbours that belong together; the kind of the later one counts for what comes next. */
function merge(
  stretches: readonly Stretch[],
  belongs: (before: Stretch, after: Stretch) => boolean,
): readonly Stretch[] {
  const merged: Stretch[] = [];
  for (const stretch of stretches) {
    const last = merged[merged.length - 1];
    if (last !== undefined && belongs(last, stretch)) {
      merged[merged.length - 1] = { start: last.start, end: stretch.end, isMatch: stretch.isMatch };
    } else {
      merged.push(stretch);
    }
  }
  return merged;
}
