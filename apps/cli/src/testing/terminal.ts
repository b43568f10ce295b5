import { PassThrough } from "node:stream";
import type { Terminal } from "../terminal/terminal.js";

/** A terminal that keeps what is written. */
export interface TestTerminal extends Terminal {
  /** Written to stdout so far. */
  output(): string;
  /** Written to stderr so far. */
  messages(): string;
  /** Presses Ctrl-C. */
  interrupt(): void;
  /** Codes given to `exit`. */
  readonly exits: readonly number[];
}

export function testTerminal(options: {
  readonly workingDirectory: string;
  readonly environment?: Terminal["environment"];
  readonly isTTY?: boolean;
  readonly input?: string;
  /** Told of each text on stderr. */
  readonly onMessage?: (text: string, terminal: TestTerminal) => void;
}): TestTerminal {
  const { workingDirectory, environment = {}, isTTY = false, input = "", onMessage } = options;
  const written = { stdout: "", stderr: "" };
  const collect = (name: keyof typeof written) => ({
    write(text: string) {
      written[name] += text;
      if (name === "stderr") onMessage?.(text, terminal);
    },
    isTTY,
    columns: 100,
  });
  const handlers = new Set<() => void>();
  const exits: number[] = [];
  const stdin = new PassThrough();
  stdin.end(input);
  const terminal: TestTerminal = {
    stdin,
    stdout: collect("stdout"),
    stderr: collect("stderr"),
    environment,
    workingDirectory,
    onInterrupt(handle) {
      handlers.add(handle);
      return () => handlers.delete(handle);
    },
    exit: (code) => exits.push(code),
    output: () => written.stdout,
    messages: () => written.stderr,
    interrupt: () => {
      for (const handle of handlers) handle();
    },
    exits,
  };
  return terminal;
}
