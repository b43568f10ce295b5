/** Which tokens of a vocabulary could be drawn where top-k or top-p cut the rest. */

/** Bit `id % 8` of byte `id / 8` is 1 for a token that could be drawn; `ceil(V / 8)` bytes. */
export type SamplingMask = Uint8Array;

export function samplingMask(vocabularySize: number, ids: Iterable<number>): SamplingMask {
  const mask = new Uint8Array(Math.ceil(vocabularySize / 8));
  for (const id of ids) mask[id >> 3] = (mask[id >> 3] as number) | (1 << (id & 7));
  return mask;
}

/**
 * Masks as a graph takes them: one byte per token.
 * @param rows - rows of the result; those beyond the masks allow every token
 * @returns `[rows, V]`, 0 or 1
 */
export function expandSamplingMasks(
  masks: readonly SamplingMask[],
  vocabularySize: number,
  rows = masks.length,
): Uint8Array {
  const expanded = new Uint8Array(rows * vocabularySize).fill(1, masks.length * vocabularySize);
  let next = 0;
  for (const mask of masks) {
    for (let id = 0; id < vocabularySize; id++) {
      expanded[next++] = ((mask[id >> 3] as number) >> (id & 7)) & 1;
    }
  }
  return expanded;
}
