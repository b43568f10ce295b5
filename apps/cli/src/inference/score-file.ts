/** `alignkit score`. */
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import {
  createDemonstrationTokenizer,
  type RecordList,
  recordsAt,
  streamDemonstrations,
  type TokenizedExample,
  tokenizeStream,
  withRecordStore,
} from "@alignkit/data";
import type { ScoreFlags } from "../commands/score.js";
import { writeRows } from "../rows-file.js";
import type { Session } from "../session.js";
import { withInterruption } from "../terminal/interruption.js";
import { createTerminalProgress } from "../terminal/progress.js";
import { type OpenModel, openModel } from "./open-model.js";
import { rowScorers } from "./scorers.js";

export async function scoreFile(session: Session, flags: ScoreFlags): Promise<void> {
  const { terminal } = session;
  const at = (path: string) => resolve(terminal.workingDirectory, path);
  const model = await openModel({ ...flags, model: at(flags.model) }, terminal);
  try {
    const tokenizer = createDemonstrationTokenizer(model.tokenizer, {
      maximumLength: flags.maxLength ?? model.config.maxPositions,
      tooLong: flags.tooLong ?? "error",
      // A reward model reads its score at the end token, where it was trained to.
      appendEos: flags.appendEos ?? model.head === "scalar",
      vocabularySize: model.config.vocabularySize,
    });
    const path = flags.out === undefined ? undefined : at(flags.out);
    const batchSize = flags.batchSize ?? 16;
    await withRecordStore(tmpdir(), async (store) => {
      const stream = tokenizeStream(streamDemonstrations([at(flags.data)]), tokenizer, () => {});
      const examples = await store.keep(stream);
      await withInterruption(
        terminal,
        () => {},
        (signal) => scoreAll(session, { model, examples, path, batchSize, signal }),
      );
    });
  } finally {
    await model.dispose();
  }
}

interface Work {
  readonly model: OpenModel;
  readonly examples: RecordList<TokenizedExample>;
  readonly path: string | undefined;
  readonly batchSize: number;
  readonly signal: AbortSignal;
}

/** Batches among which rows are sorted by length; after them their results are written. */
const batchesPerWindow = 16;

async function scoreAll(session: Session, { model, examples, path, batchSize, signal }: Work): Promise<void> {
  const { terminal, screen } = session;
  const scorer = rowScorers[model.head](model);
  const task = createTerminalProgress(screen, () => performance.now()).start(
    examples.length,
    "rows",
    "score",
  );
  await writeRows(path, terminal.stdout, async (file) => {
    const window = batchSize * batchesPerWindow;
    for (let start = 0; start < examples.length; start += window) {
      const length = Math.min(window, examples.length - start);
      const taken = recordsAt(
        examples,
        Array.from({ length }, (_, index) => start + index),
      );
      for (const row of await scorer.score(taken, { batchSize, signal })) await file.write(row);
      task.advance(taken.length);
    }
  });
  task.done();
  await scorer.dispose();
}
