/** Where text goes. */
export interface TextOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** What surrounds the command; a test gives its own. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined };
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where relative paths of flags start. */
  readonly workingDirectory: string;
  /**
   * Calls `handle` at each Ctrl-C or termination signal, instead of ending the process.
   * @returns ends it
   */
  onInterrupt(handle: () => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
}

const signals = ["SIGINT", "SIGTERM"] as const;

/** The terminal of this process. */
export function processTerminal(): Terminal {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    workingDirectory: process.cwd(),
    onInterrupt(handle) {
      for (const signal of signals) process.on(signal, handle);
      return () => {
        for (const signal of signals) process.off(signal, handle);
      };
    },
    exit: (code) => process.exit(code),
  };
}
