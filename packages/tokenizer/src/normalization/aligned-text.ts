/**
 * Text that remembers where it came from.
 *
 * Each UTF-16 unit of `text` has the stretch of the original text that it stands for. The rules are those of
 * `NormalizedString` in the `tokenizers` library: what takes a character's place has that character's stretch, and what is
 * put in besides shares the stretch of its neighbour on the left. Where nobody asks for offsets there is no `origin`, and
 * every function below does its work on plain strings.
 */
export interface AlignedText {
  readonly text: string;
  /** A number where the text still is the original from that unit on. */
  readonly origin: Origin | number | undefined;
}

/** `[start, end)` in the original text, in UTF-16 units, one entry for each unit of the text. */
export interface Origin {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

export function plainText(text: string): AlignedText {
  return { text, origin: undefined };
}

/** Where the units `[start, end)` of a text come from; of a text without origin, itself. */
export function originOf(
  { origin = 0 }: AlignedText,
  start: number,
  end: number,
): { readonly start: number; readonly end: number } {
  if (typeof origin === "number") return { start: origin + start, end: origin + end };
  return { start: origin.starts[start] ?? 0, end: origin.ends[end - 1] ?? 0 };
}

export function slice({ text, origin }: AlignedText, start: number, end: number): AlignedText {
  const part = text.slice(start, end);
  if (origin === undefined) return { text: part, origin };
  if (typeof origin === "number") return { text: part, origin: origin + start };
  return {
    text: part,
    origin: { starts: origin.starts.subarray(start, end), ends: origin.ends.subarray(start, end) },
  };
}

/** Each character becomes a text of its own, perhaps empty. */
export function mapCharacters(source: AlignedText, map: (character: string) => string): AlignedText {
  let mapped = "";
  const from: number[] = [];
  let place = 0;
  for (const character of source.text) {
    const image = map(character);
    if (source.origin !== undefined) for (let unit = 0; unit < image.length; unit++) from.push(place);
    mapped += image;
    place += character.length;
  }
  return mapped === source.text ? source : pick(source, mapped, from);
}

/** Every match becomes `content`, all of which stands for the last character of the match. */
export function replaceAll(source: AlignedText, pattern: RegExp, content: string): AlignedText {
  const { text } = source;
  if (source.origin === undefined) return plainText(text.replace(pattern, () => content));
  const from: number[] = [];
  let replaced = "";
  let taken = 0;
  const copy = (end: number) => {
    for (let unit = taken; unit < end; unit++) from.push(unit);
    replaced += text.slice(taken, end);
  };
  for (const { 0: match, index } of text.matchAll(pattern)) {
    copy(index);
    for (let unit = 0; unit < content.length; unit++) from.push(index + match.length - 1);
    replaced += content;
    taken = index + match.length;
  }
  if (taken === 0 && replaced === "") return source;
  copy(text.length);
  return pick(source, replaced, from);
}

/** Puts `content` in front of a text that is not empty; it stands for the first character. */
export function prepend(source: AlignedText, content: string): AlignedText {
  const { text, origin } = source;
  if (text === "") return source;
  if (origin === undefined) return plainText(content + text);
  return pick(source, content + text, [
    ...new Array<number>(content.length).fill(0),
    ...Array.from({ length: text.length }, (_, unit) => unit),
  ]);
}

/** A text whose unit `u` stands for what unit `from[u]` of `source` stands for. */
export function pick(source: AlignedText, text: string, from: readonly number[]): AlignedText {
  if (source.origin === undefined) return plainText(text);
  const { starts, ends } =
    typeof source.origin === "number" ? ownOrigin(source.text, source.origin) : source.origin;
  return {
    text,
    origin: {
      starts: Int32Array.from(from, (unit) => starts[unit] as number),
      ends: Int32Array.from(from, (unit) => ends[unit] as number),
    },
  };
}

/** Of a text that is the original; both units of a surrogate pair stand for the whole character. */
function ownOrigin(text: string, offset: number): Origin {
  const starts = new Int32Array(text.length);
  const ends = new Int32Array(text.length);
  let place = offset;
  for (const character of text) {
    const end = place + character.length;
    starts.fill(place, place - offset, end - offset);
    ends.fill(end, place - offset, end - offset);
    place = end;
  }
  return { starts, ends };
}
