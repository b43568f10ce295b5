/** Batches as stages make them, row by row for a person to read. */
import {
  collate,
  type DataRecord,
  type Demonstration,
  ignoredLabel,
  type PaddedRows,
  type Prompt,
  padLeft,
  padRight,
  placeOf,
  type Ranking,
  tokenizeDemonstrations,
  tokenizePrompts,
  tokenizeRankings,
} from "@alignkit/data";
import type { Tokenizer } from "@alignkit/tokenizer";

export interface ShownRow {
  readonly title: string;
  /** Without padding. */
  readonly ids: Int32Array;
  /** Of each id whether the loss is taken there. */
  readonly isMarked: (index: number) => boolean;
  readonly padding: number;
}

interface KindOfBatch {
  readonly legend: string;
  shownRows(records: readonly DataRecord[], tokenizer: Tokenizer, maximumLength: number): readonly ShownRow[];
}

/** Nothing looks at it. */
const padTokenId = 0;

export const batchKinds = {
  demonstrations: {
    legend: "+ learned, - masked, . padding",
    shownRows(records, tokenizer, maximumLength) {
      const options = { maximumLength, tooLong: "truncate" } as const;
      const { examples } = tokenizeDemonstrations(records as readonly Demonstration[], tokenizer, options);
      const batch = collate(examples, { padTokenId });
      return examples.map(({ origin }, row) => {
        const isMarked = (index: number) => batch.labels[row * batch.length + index] !== ignoredLabel;
        const { ids, padding } = rowOf(batch, row, 0);
        const learned = ids.filter((_, index) => isMarked(index)).length;
        return {
          title: `${placeOf(origin)}  ${ids.length} tokens, ${learned} learned`,
          ids,
          isMarked,
          padding,
        };
      });
    },
  },
  prompts: {
    legend: "- prompt, . padding on the left",
    shownRows(records, tokenizer, maximumLength) {
      const options = { maximumLength, tooLong: "truncate" } as const;
      const { prompts } = tokenizePrompts(records as readonly Prompt[], tokenizer, options);
      const batch = padLeft(
        prompts.map(({ inputIds }) => inputIds),
        { padTokenId },
      );
      return prompts.map(({ origin, inputIds }, row) => ({
        title: `${placeOf(origin)}  ${inputIds.length} tokens`,
        ...rowOf(batch, row, batch.length - inputIds.length),
        isMarked: () => false,
      }));
    },
  },
  rankings: {
    legend: "+ the token at which the response is scored, - all before it, . padding",
    shownRows(records, tokenizer, maximumLength) {
      const options = { maximumLength, tooLong: "truncate" } as const;
      const { rankings } = tokenizeRankings(records as readonly Ranking[], tokenizer, options);
      const responses = rankings.flatMap(({ rows, ranks, origin }) =>
        rows.map((ids, index) => ({
          ids,
          title: `${placeOf(origin)}  rank ${ranks[index]}, ${ids.length} tokens`,
        })),
      );
      const batch = padRight(
        responses.map(({ ids }) => ids),
        { padTokenId },
      );
      return responses.map(({ title, ids }, row) => ({
        title,
        ...rowOf(batch, row, 0),
        isMarked: (index) => index === ids.length - 1,
      }));
    },
  },
} satisfies Readonly<Record<string, KindOfBatch>>;

export type BatchKind = keyof typeof batchKinds;

const kindOfRecord: Readonly<Record<DataRecord["kind"], BatchKind | undefined>> = {
  text: "demonstrations",
  completion: "demonstrations",
  conversation: "demonstrations",
  pretokenized: "demonstrations",
  prompt: "prompts",
  ranking: "rankings",
  "conversation-ranking": "rankings",
  "pretokenized-ranking": "rankings",
  "unpaired-preference": undefined,
  stepwise: undefined,
};

/** Undefined for what no stage reads. */
export function batchKindOf(record: DataRecord): BatchKind | undefined {
  const isAsked =
    record.kind === "conversation" && record.messages[record.messages.length - 1]?.role !== "assistant";
  return isAsked ? "prompts" : kindOfRecord[record.kind];
}

/** A row of a batch, from the first real token on. */
function rowOf({ inputIds, length, lengths }: PaddedRows, row: number, start: number) {
  const count = lengths[row] as number;
  const first = row * length + start;
  return { ids: inputIds.slice(first, first + count), padding: length - count };
}
