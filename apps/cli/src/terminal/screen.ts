import type { TextOutput } from "./terminal.js";

/** Lines that stay, above one line that is drawn anew. */
export interface Screen {
  /** Whether there is a line that can be drawn anew. */
  readonly isLive: boolean;
  /** Columns of the terminal. */
  readonly width: () => number;
  /** A line that stays. */
  line(text: string): void;
  /** Replaces the last line; an empty text removes it. Nothing where {@link isLive} is false. */
  status(text: string): void;
}

const clearLine = "\r\u001b[2K";

export function createScreen(output: TextOutput): Screen {
  const isLive = output.isTTY === true;
  let shown = "";
  return {
    isLive,
    // A terminal that does not tell its size has 0 columns.
    width: () => output.columns || 80,
    line(text) {
      output.write(shown === "" ? `${text}\n` : `${clearLine}${text}\n${shown}`);
    },
    status(text) {
      if (!isLive || text === shown) return;
      output.write(clearLine + text);
      shown = text;
    },
  };
}
