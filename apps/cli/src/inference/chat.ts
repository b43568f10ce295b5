/** `alignkit chat`: a line in, an answer out, token by token. */
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { ConfigError, createRandom, InterruptedError } from "@alignkit/core";
import { type Message, type Prompt, tokenizePrompts } from "@alignkit/data";
import { createGenerator, type Generator } from "@alignkit/models";
import { createTextStream, type Tokenizer } from "@alignkit/tokenizer";
import type { ChatFlags } from "../commands/chat.js";
import type { Session } from "../session.js";
import { createPaint } from "../terminal/color.js";
import { type OpenModel, openModel } from "./open-model.js";
import { generationOptions } from "./sampling.js";

export async function chat(session: Session, flags: ChatFlags): Promise<void> {
  const { terminal } = session;
  const model = await openModel(
    { ...flags, model: resolve(terminal.workingDirectory, flags.model) },
    terminal,
  );
  try {
    const { tokenizer } = model;
    if (model.head !== "language_model" || tokenizer === undefined) {
      throw new ConfigError(`${flags.model}: chat needs a language model with a tokenizer`);
    }
    const generator = createGenerator(model.backend, model.config, model.parameters);
    await talk(session, flags, createAnswerer({ model, tokenizer, generator, flags })).finally(() =>
      generator.dispose(),
    );
  } finally {
    await model.dispose();
  }
}

/** Writes an answer to the last message; ends early, with what there is, when the signal fires. */
type Answer = (
  messages: readonly Message[],
  write: (text: string) => void,
  signal: AbortSignal,
) => Promise<string>;

/** Reads lines until the end of the input or `/exit`. */
async function talk({ terminal }: Session, flags: ChatFlags, answer: Answer): Promise<void> {
  const { stdin, stdout } = terminal;
  const isInteractive = stdin.isTTY === true && stdout.isTTY === true;
  const paint = createPaint(stdout, terminal);
  const lines = createInterface({
    input: stdin,
    ...(isInteractive ? { output: stdout as NodeJS.WritableStream, terminal: true } : {}),
  });
  const start: readonly Message[] =
    flags.system === undefined ? [] : [{ role: "system", content: flags.system }];
  let messages = start;
  let controller: AbortController | undefined;
  // Ctrl-C ends the answer; without one, the conversation.
  const interrupt = () => (controller === undefined ? lines.close() : controller.abort());
  lines.on("SIGINT", interrupt);
  const endInterrupt = terminal.onInterrupt(interrupt);
  const ask = () => {
    if (!isInteractive) return;
    lines.setPrompt(paint("cyan", "you> "));
    lines.prompt();
  };
  if (isInteractive)
    stdout.write(paint("dim", "/reset begins anew, /exit or Ctrl-D ends, Ctrl-C ends an answer\n"));
  ask();
  try {
    for await (const line of lines) {
      const text = line.trim();
      if (text === "/exit") break;
      if (text === "/reset") messages = start;
      else if (text !== "") {
        controller = new AbortController();
        const context = flags.raw === true ? start : messages;
        const asked: readonly Message[] = [...context, { role: "user", content: text }];
        const reply = await answer(asked, (piece) => stdout.write(piece), controller.signal);
        controller = undefined;
        stdout.write("\n");
        messages = [...asked, { role: "assistant", content: reply }];
      }
      ask();
    }
  } finally {
    endInterrupt();
    lines.close();
  }
}

interface Speaker {
  readonly model: OpenModel;
  readonly tokenizer: Tokenizer;
  readonly generator: Generator;
  readonly flags: ChatFlags;
}

function createAnswerer({ model, tokenizer, generator, flags }: Speaker): Answer {
  const options = generationOptions(flags, model);
  let random = createRandom(flags.seed ?? 0).split("chat");
  return async (messages, write, signal) => {
    const promptIds = fit(
      messages,
      flags.raw === true,
      tokenizer,
      model.config.maxPositions - options.maxNewTokens,
    );
    const text = createTextStream(tokenizer);
    let reply = "";
    const show = (piece: string) => {
      // The space between "Assistant:" and the answer belongs to neither.
      const shown = reply === "" && flags.raw !== true ? piece.trimStart() : piece;
      reply += shown;
      if (shown !== "") write(shown);
    };
    random = random.split("next");
    try {
      await generator.generate(
        [promptIds],
        { ...options, onToken: ({ token }) => show(text.push(token)) },
        random,
        signal,
      );
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
    }
    show(text.end());
    return reply;
  };
}

/** Ids of the conversation; its oldest exchanges go when it is too long, so that it still begins with the user. */
function fit(
  messages: readonly Message[],
  isRaw: boolean,
  tokenizer: Tokenizer,
  maximumLength: number,
): readonly number[] {
  const origin = { file: "chat", line: messages.length };
  const row = {};
  const last = messages[messages.length - 1] as Message;
  const record: Prompt = isRaw
    ? { kind: "prompt", prompt: last.content, origin, row }
    : { kind: "conversation", messages, origin, row };
  const older = messages.findIndex(({ role }) => role !== "system");
  const next = messages.findIndex(({ role }, index) => role === "user" && index > older);
  const isShortest = isRaw || next === -1;
  const { prompts } = tokenizePrompts([record], tokenizer, {
    maximumLength,
    tooLong: isShortest ? "truncate" : "drop",
  });
  const [prompt] = prompts;
  if (prompt !== undefined) return Array.from(prompt.inputIds);
  return fit(messages.toSpliced(older, next - older), isRaw, tokenizer, maximumLength);
}
