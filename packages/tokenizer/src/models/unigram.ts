import { byteTokens } from "./byte-tokens.js";
import type { ModelJson, TokenModel, TokenPlace } from "./model.js";

/** How much less likely than the least likely token an unknown character is, in nats; SentencePiece's constant. */
const unknownPenalty = 10;

interface Node {
  readonly children: Map<string, Node>;
  /** The token that ends here. */
  id: number | undefined;
}

/** The best way to reach a place of the word. */
interface Step {
  readonly score: number;
  readonly start: number;
  /** Undefined for an unknown character. */
  readonly id: number | undefined;
}

/**
 * The most likely cut of a word into tokens (Viterbi); of equally likely ones the first found, as the `tokenizers`
 * library. Neighbouring unknown characters are one token.
 * @see Kudo 2018, section 3.2
 */
export function createUnigram(json: ModelJson): TokenModel {
  const entries = json.vocab as readonly (readonly [string, number])[];
  const vocabulary = new Map(entries.map(([token], id) => [token, id]));
  const unknown = (json.unk_id ?? undefined) as number | undefined;
  const root: Node = { children: new Map(), id: undefined };
  let lowest = Number.POSITIVE_INFINITY;
  for (const [id, [token, score]] of entries.entries()) {
    lowest = Math.min(lowest, score);
    let node = root;
    for (const character of token) {
      const child = node.children.get(character) ?? { children: new Map(), id: undefined };
      node.children.set(character, child);
      node = child;
    }
    node.id = id;
  }
  const unknownScore = lowest - unknownPenalty;

  const bestSteps = (word: string): readonly (Step | undefined)[] => {
    const best: (Step | undefined)[] = new Array(word.length + 1);
    const offer = (end: number, step: Step) => {
      const present = best[end];
      if (present === undefined || step.score > present.score) best[end] = step;
    };
    for (let start = 0; start < word.length; ) {
      const before = start === 0 ? 0 : (best[start]?.score ?? 0);
      const width = (word.codePointAt(start) as number) > 0xffff ? 2 : 1;
      let hasCharacter = false;
      let node: Node | undefined = root;
      for (let end = start; end < word.length; ) {
        const character = String.fromCodePoint(word.codePointAt(end) as number);
        node = node.children.get(character);
        if (node === undefined) break;
        end += character.length;
        if (node.id === undefined) continue;
        offer(end, { score: before + (entries[node.id]?.[1] as number), start, id: node.id });
        if (end === start + width) hasCharacter = true;
      }
      if (!hasCharacter) offer(start + width, { score: before + unknownScore, start, id: undefined });
      start += width;
    }
    return best;
  };

  const locate = (word: string): readonly TokenPlace[] => {
    const steps = bestSteps(word);
    const places: { id: number | undefined; start: number; end: number }[] = [];
    for (let end = word.length; end > 0; ) {
      const { start, id } = steps[end] as Step;
      const after = places[places.length - 1];
      if (id === undefined && after !== undefined && after.id === undefined) after.start = start;
      else places.push({ id, start, end });
      end = start;
    }
    return places.reverse().flatMap(({ id, start, end }) => {
      if (id !== undefined) return [{ id, start, end }];
      const bytes = json.byte_fallback === true ? byteTokens(word.slice(start, end), vocabulary) : undefined;
      const ids = bytes ?? (unknown === undefined ? [] : [unknown]);
      return ids.map((byte) => ({ id: byte, start, end }));
    });
  };
  return {
    vocabulary,
    unknownToken: unknown === undefined ? undefined : entries[unknown]?.[0],
    locate,
    encode: (word) => locate(word).map(({ id }) => id),
  };
}
