import type { Turn } from "./conversation.js";
import { dataErrorAt, type Origin } from "./origin.js";
import { ignoredLabel } from "./records.js";
import { encodePair, prefixIds, requireEos, type TextTokenizer } from "./text-tokenizer.js";

export interface JoinedTurns {
  /** `[T]` */
  readonly ids: readonly number[];
  /** `[T]` the ids of learned completions and their end tokens, -100 elsewhere. */
  readonly labels: readonly number[];
}

/**
 * Makes the function that gives the ids of turns one after another: BOS in front where the tokenizer adds it, the end
 * token after each completion unless `appendEos` is false. Demonstrations, prompts and rankings all come through it, so
 * that the same text has the same ids in each.
 *
 * It throws a DataError where text stands and there is no tokenizer, and a ConfigError where the tokenizer has no end.
 */
export function createTurnJoiner(
  tokenizer: TextTokenizer | undefined,
  appendEos: boolean,
): (turns: readonly Turn[], origin: Origin) => JoinedTurns {
  let prefix: readonly number[] | undefined;
  return (turns, origin) => {
    if (tokenizer === undefined) {
      throw dataErrorAt(
        origin,
        `text needs a tokenizer and the model has none; put tokenizer.json beside its weights or give "input_ids"`,
      );
    }
    prefix ??= prefixIds(tokenizer);
    const ids: number[] = [...prefix];
    const labels: number[] = prefix.map(() => ignoredLabel);
    for (const turn of turns) {
      const { prompt, completion } = encodePair(tokenizer, turn.prompt, turn.completion ?? "");
      for (const id of prompt) {
        ids.push(id);
        labels.push(ignoredLabel);
      }
      if (turn.completion === undefined) continue;
      const eos = appendEos ? requireEos(tokenizer) : undefined;
      // A completion that spells out its end token has it already.
      const ends = eos === undefined || completion[completion.length - 1] === eos;
      for (const id of ends ? completion : [...completion, eos]) {
        ids.push(id);
        labels.push(turn.isLearned === false ? ignoredLabel : id);
      }
    }
    return { ids, labels };
  };
}
