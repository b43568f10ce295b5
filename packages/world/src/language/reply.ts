/** A response read as sentences: what every judgement starts from. */

/** One sentence: its words without punctuation, and the mark that closed it ("" when it was cut off). */
export interface Sentence {
  readonly words: readonly string[];
  readonly mark: "." | "?" | "!" | "";
}

export interface Reply {
  /** Sentences of the reply itself, a courtesy opening removed. */
  readonly sentences: readonly Sentence[];
  /** All words of the reply, the opening included. */
  readonly words: readonly string[];
  /** Opens with `sure,` or `of course,`. */
  readonly opensCourteously: boolean;
  /** Went on to write another turn of the dialogue. What follows is not part of `sentences`. */
  readonly drifts: boolean;
  /** The last sentence is closed by a mark. */
  readonly closes: boolean;
}

/** Courtesy openings; each is followed by a comma. */
export const OPENINGS: readonly string[] = ["sure", "of course"];

const NEXT_TURN = /(?:^|\s)(?:user|assistant)\s*:/;
const OPENING = new RegExp(`^(?:${OPENINGS.join("|")})\\s*,`);

/** The words of a text, lower case, punctuation dropped. */
export function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/[a-z]+/g) ?? [];
}

/** The sentences of a text, split at `.`, `?` and `!`. */
export function sentencesOf(text: string): readonly Sentence[] {
  const pieces = text.toLowerCase().match(/[^.?!]+[.?!]?/g) ?? [];
  return pieces
    .map((piece) => {
      const last = piece.at(-1);
      const mark = last === "." || last === "?" || last === "!" ? last : "";
      return { words: wordsOf(piece), mark } as const;
    })
    .filter(({ words }) => words.length > 0);
}

/** Reads a response. */
export function readReply(response: string): Reply {
  const text = response.toLowerCase().trim();
  const turn = NEXT_TURN.exec(text);
  const own = turn === null ? text : text.slice(0, turn.index);
  const opening = OPENING.exec(own);
  const sentences = sentencesOf(opening === null ? own : own.slice(opening[0].length));
  return {
    sentences,
    words: wordsOf(own),
    opensCourteously: opening !== null,
    drifts: turn !== null,
    closes: sentences.length > 0 && sentences.at(-1)?.mark !== "",
  };
}

/** All words of the sentences, in order. */
export function allWords(sentences: readonly Sentence[]): readonly string[] {
  return sentences.flatMap(({ words }) => words);
}
