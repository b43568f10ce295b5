import type { Tokenizer } from "@alignkit/tokenizer";
import type { Paint, Style } from "../terminal/color.js";
import type { ShownRow } from "./shown-batch.js";

/** How the lines of a kind of token begin, and their color; the sign tells all where there are no colors. */
const marks = {
  learned: { sign: "+", style: "green" },
  masked: { sign: "-", style: "dim" },
  padding: { sign: ".", style: "dim" },
} as const satisfies Readonly<Record<string, { readonly sign: string; readonly style: Style }>>;

/** A row in lines: tokens with the same mark together, or one a line. */
export function showRow(row: ShownRow, tokenizer: Tokenizer, paint: Paint, isTokenALine: boolean): string {
  const lines = [paint("bold", row.title)];
  const add = (mark: keyof typeof marks, text: string) => {
    const { sign, style } = marks[mark];
    // A line break is shown, and breaks the line.
    const pieces = text.split("\n");
    pieces.forEach((piece, index) => {
      const isBroken = index < pieces.length - 1;
      if (piece === "" && !isBroken && index > 0) return;
      lines.push(paint(style, `  ${sign} ${visible(piece)}${isBroken ? "\\n" : ""}`));
    });
  };
  const { ids, isMarked } = row;
  for (let start = 0; start < ids.length; ) {
    let end = start + 1;
    while (!isTokenALine && end < ids.length && isMarked(end) === isMarked(start)) end++;
    const mark = isMarked(start) ? "learned" : "masked";
    const text = tokenizer.decode(ids.subarray(start, end));
    if (isTokenALine) {
      const { sign, style } = marks[mark];
      lines.push(
        paint(style, `  ${sign} ${String(ids[start]).padStart(7)} ${visible(JSON.stringify(text))}`),
      );
    } else add(mark, text);
    start = end;
  }
  if (row.padding > 0) add("padding", `${row.padding} tokens of padding`);
  return `${lines.join("\n")}\n`;
}

/** Control characters by their number, so that data cannot steer the terminal. */
function visible(text: string): string {
  return text.replace(
    /\p{Cc}/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
