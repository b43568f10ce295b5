import { styleText } from "node:util";
import type { Terminal, TextOutput } from "./terminal.js";

export type Style = "bold" | "dim" | "red" | "yellow" | "green" | "cyan";

/** Puts a style around a text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

/** Colors where a person looks: on a terminal, unless `NO_COLOR` is set; elsewhere if `FORCE_COLOR` is. */
export function createPaint(output: TextOutput, { environment }: Pick<Terminal, "environment">): Paint {
  // Whether the output can show it is decided here, not by Node for its own stdout.
  return isColorful(output, environment)
    ? (style, text) => styleText(style, text, { validateStream: false })
    : (_, text) => text;
}

/** @see https://no-color.org */
function isColorful(output: TextOutput, environment: Terminal["environment"]): boolean {
  const { NO_COLOR = "", FORCE_COLOR = "", TERM } = environment;
  if (NO_COLOR !== "") return false;
  if (FORCE_COLOR !== "") return FORCE_COLOR !== "0";
  return output.isTTY === true && TERM !== "dumb";
}
