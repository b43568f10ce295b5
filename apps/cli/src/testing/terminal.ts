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
}): TestTerminal {
  const { workingDirectory, environment = {}, isTTY = false, input = "" } = options;
  const written = { stdout: "", stderr: "" };
  const collect = (name: keyof typeof written) => ({
    write(text: string) {
      written[name] += text;
    },
    isTTY,
    columns: 100,
  });
  const handlers = new Set<() => void>();
  const exits: number[] = [];
  const stdin = new PassThrough();
  stdin.end(input);
  return {
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
}
