/**
 * Every row of docs/paper-index.md that names a file and a symbol must name ones that exist: `| place | what | file | symbol |`,
 * or a reason in italics in place of the last two. Part of `npm run lint`.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const page = "docs/paper-index.md";

/** A row is checked by what its last two cells hold. */
function problemOf(file, symbol) {
  if (/^_.+_$/.test(file) && symbol === "") return undefined;
  const [, path] = /^`([^`]+)`$/.exec(file) ?? [];
  const [, name] = /^`([^`]+)`$/.exec(symbol) ?? [];
  if (path === undefined || name === undefined)
    return "the last two cells must be `file` and `symbol`, or a reason in _italics_ and nothing";
  if (!existsSync(join(root, path))) return `${path} does not exist`;
  const text = readFileSync(join(root, path), "utf8");
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  if (!new RegExp(`(?<![\\w$])${escaped}(?![\\w$])`).test(text)) return `${path} has no ${name}`;
  return undefined;
}

const lines = readFileSync(join(root, page), "utf8").split("\n");
const problems = [];
let rows = 0;
for (const [index, line] of lines.entries()) {
  const cells = line.split("|").map((cell) => cell.trim());
  // A table of four columns; its head and the line below are no rows.
  if (cells.length !== 6 || cells[1] === "place" || /^-+$/.test(cells[1])) continue;
  rows += 1;
  const problem = problemOf(cells[3], cells[4]);
  if (problem !== undefined) problems.push(`${page}:${index + 1}: ${problem}`);
}
if (rows < 20) problems.push(`${page}: only ${rows} rows were read; its tables have changed their form`);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
