import type { Terminal } from "./terminal.js";

/** Exit code after Ctrl-C, as shells have it: 128 and the number of SIGINT. */
export const interruptedExitCode = 130;

/**
 * Runs `work` with a signal that fires at the first Ctrl-C; the second ends the process at once.
 * @param announce - told that the first one was seen
 */
export async function withInterruption<T>(
  terminal: Terminal,
  announce: () => void,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const end = terminal.onInterrupt(() => {
    if (controller.signal.aborted) terminal.exit(interruptedExitCode);
    else {
      controller.abort();
      announce();
    }
  });
  try {
    return await work(controller.signal);
  } finally {
    end();
  }
}
