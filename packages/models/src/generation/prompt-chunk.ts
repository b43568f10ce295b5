/** Prompts of different lengths, as prefill takes them. */
import { type HostTensor, int32 } from "@alignkit/core";

/** T tokens of each prompt, from one place on. */
export interface PromptChunk {
  /** int32 `[B, T]` */
  readonly ids: HostTensor;
  /** int32 `[N]` and `[B, T]`: which tokens are no padding; see prefill. Absent where all are computed. */
  readonly places?: HostTensor;
  readonly spread?: HostTensor;
}

/** The part of the tokens that must be padding for it to be left out: less is not worth moving the rest around. */
const leastPadding = 1 / 16;

/**
 * The last token of a prompt, which is stepped, counts as padding.
 * @param length - T; at least one prompt reaches beyond `start`
 * @param round - the number of tokens that may be computed in place of one, given a multiple to round to
 */
export function promptChunk(
  prompts: readonly (readonly number[])[],
  start: number,
  length: number,
  round: (size: number, multiple: number) => number,
): PromptChunk {
  const shape = [prompts.length, length];
  const ids = new Int32Array(prompts.length * length);
  const spread = new Int32Array(ids.length);
  const places: number[] = [];
  for (const [row, prompt] of prompts.entries()) {
    const end = Math.min(start + length, prompt.length - 1);
    for (let t = 0; t < end - start; t++) {
      const place = row * length + t;
      ids[place] = prompt[start + t] as number;
      spread[place] = places.length;
      places.push(place);
    }
  }
  const computed = round(places.length, 16 * prompts.length);
  if (computed > ids.length * (1 - leastPadding)) return { ids: int32(ids, shape) };
  // What fills the rest up repeats a token, and nothing reads it.
  while (places.length < computed) places.push(places[0] as number);
  return { ids: int32(ids, shape), places: int32(places, [computed]), spread: int32(spread, shape) };
}
