/** `alignkit generate`. */
import { resolve } from "node:path";
import { ConfigError, createRandom } from "@alignkit/core";
import { readPrompts, type TokenizedPrompt, tokenizePrompts } from "@alignkit/data";
import { createGenerator, type Generation } from "@alignkit/models";
import type { Tokenizer } from "@alignkit/tokenizer";
import type { GenerateFlags } from "../commands/generate.js";
import { shortest, writeRows } from "../rows-file.js";
import type { Session } from "../session.js";
import { withInterruption } from "../terminal/interruption.js";
import { createTerminalProgress } from "../terminal/progress.js";
import { type OpenModel, openModel } from "./open-model.js";
import { generationOptions } from "./sampling.js";

export async function generateFile(session: Session, flags: GenerateFlags): Promise<void> {
  const { terminal } = session;
  const at = (path: string) => resolve(terminal.workingDirectory, path);
  const records = await readPrompts([at(flags.prompts)]);
  const model = await openModel({ ...flags, model: at(flags.model) }, terminal);
  try {
    if (model.head !== "language_model") {
      throw new ConfigError(
        `${flags.model}: holds a reward model, which cannot generate; use "alignkit score"`,
      );
    }
    const { maxNewTokens } = generationOptions(flags, model);
    const { prompts } = tokenizePrompts(records, model.tokenizer, {
      maximumLength: model.config.maxPositions - maxNewTokens,
      vocabularySize: model.config.vocabularySize,
    });
    await withInterruption(
      terminal,
      () => {},
      (signal) =>
        writeRows(flags.out === undefined ? undefined : at(flags.out), terminal.stdout, async (file) => {
          const generations = await generateAll(session, { model, prompts, flags, signal });
          for (const [index, prompt] of prompts.entries()) {
            await file.write(rowOf(prompt, generations[index] as Generation, model));
          }
        }),
    );
  } finally {
    await model.dispose();
  }
}

interface Work {
  readonly model: OpenModel;
  readonly prompts: readonly TokenizedPrompt[];
  readonly flags: GenerateFlags;
  readonly signal: AbortSignal;
}

async function generateAll(
  { screen }: Session,
  { model, prompts, flags, signal }: Work,
): Promise<Generation[]> {
  const { seed = 0, batchSize, ignoreEos = false } = flags;
  const options = generationOptions(flags, model);
  const task = createTerminalProgress(screen, () => performance.now()).start(
    prompts.length * options.maxNewTokens,
    "tokens",
    "generate",
  );
  const generator = createGenerator(model.backend, model.config, model.parameters);
  const generations = await generator.generate(
    prompts.map(({ inputIds }) => Array.from(inputIds)),
    {
      ...options,
      ignoreEos,
      ...(batchSize === undefined ? {} : { batchSize }),
      onToken: () => task.advance(1),
    },
    createRandom(seed).split("generate"),
    signal,
  );
  task.done();
  await generator.dispose();
  return generations;
}

/** The line of the file and what the model answered; without a tokenizer there is no text. */
function rowOf(
  { record, inputIds }: TokenizedPrompt,
  { ids, logProbs }: Generation,
  { tokenizer }: OpenModel,
): object {
  return {
    ...record.row,
    response: tokenizer === undefined ? null : textAfter(inputIds, ids, tokenizer),
    response_ids: ids,
    logprobs: Array.from(logProbs, shortest),
  };
}

/** As it goes on from the prompt: some tokenizers drop the space before the first word of a text. */
function textAfter(prompt: Int32Array, response: readonly number[], tokenizer: Tokenizer): string {
  const options = { skipSpecialTokens: true };
  return tokenizer.decode([...prompt, ...response], options).slice(tokenizer.decode(prompt, options).length);
}
