/** Tokens of one or two texts with what is known of each. */
import type { Encoder } from "./encoder.js";
import type { TokenPlace } from "./models/model.js";
import type { PostProcessor, TemplatePart } from "./post-processor.js";

/** All `[T]`. */
export interface Encoding {
  readonly ids: readonly number[];
  /** `[start, end)` in UTF-16 units of the text, so that `text.slice(start, end)` is it; `[0, 0]` for tokens put in. */
  readonly offsets: readonly (readonly [number, number])[];
  /** 0 for the first text, 1 for the second, -1 for tokens that the template puts in. */
  readonly sequenceIds: readonly number[];
  readonly typeIds: readonly number[];
}

export interface EncodeTextsOptions {
  readonly encoder: Encoder;
  readonly postProcessor: PostProcessor;
  readonly addSpecialTokens: boolean;
  /** The token at a place; of an added token, the text that it took. */
  readonly tokenAt: (place: TokenPlace, text: string) => string;
}

/** @param texts - one or two */
export function encodeTexts(
  texts: readonly string[],
  { encoder, postProcessor, addSpecialTokens, tokenAt }: EncodeTextsOptions,
): Encoding {
  const placed = texts.map((text) => {
    const places = encoder.locate(text);
    return postProcessor.trimsOffsets
      ? places.map((place, index) =>
          trim(place, {
            text,
            token: tokenAt(place, text),
            keepsPrefix: postProcessor.hasPrefixSpace && (index === 0 || place.start === 0),
          }),
        )
      : places;
  });
  const template: readonly TemplatePart[] = texts.length === 1 ? postProcessor.single : postProcessor.pair;
  const ids: number[] = [];
  const offsets: [number, number][] = [];
  const sequenceIds: number[] = [];
  const typeIds: number[] = [];
  for (const part of template) {
    const isText = "sequence" in part;
    if (!isText && !addSpecialTokens) continue;
    const places = isText
      ? (placed[part.sequence] ?? [])
      : part.ids.map((id): TokenPlace => ({ id, start: 0, end: 0 }));
    for (const { id, start, end } of places) {
      ids.push(id);
      offsets.push([start, end]);
      sequenceIds.push(isText ? part.sequence : -1);
      typeIds.push(part.typeId);
    }
  }
  return { ids, offsets, sequenceIds, typeIds };
}

interface Trimmed {
  readonly text: string;
  readonly token: string;
  /** Whether a single space in front is the one that was put there. */
  readonly keepsPrefix: boolean;
}

/** Leaves out white space at the ends of a byte-level token, but not the space that was put in front of the text. */
function trim({ id, start, end }: TokenPlace, { text, token, keepsPrefix }: Trimmed): TokenPlace {
  const leading = /^[Ġ\p{White_Space}]*/u.exec(token)?.[0].length ?? 0;
  const trailing = /[Ġ\p{White_Space}]*$/u.exec(token)?.[0].length ?? 0;
  // The library counts characters: a space that stands for the one behind it is as wide as that one.
  const width = (text.codePointAt(start) ?? 0) > 0xffff ? 2 : 1;
  const first = Math.min(start + (leading === 1 && keepsPrefix ? 0 : leading * width), end);
  return { id, start: first, end: Math.max(end - trailing, first) };
}
