/**
 * The pages keep their word: code that is quoted from a file stands there, other code has the right types, links lead
 * somewhere.
 *
 * A fence "```ts path/of/file.ts" quotes: its lines, in this order, are lines of that file; a line "// ..." leaves some
 * out. Any other "```ts" is a module of its own.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Markdown files directly in a folder. */
function pagesIn(folder: string): readonly string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder)).flatMap((name) =>
    name.endsWith(".md") ? [join(folder, name)] : [],
  );
}

function foldersIn(folder: string): readonly string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? [join(folder, entry.name)] : []));
}

const pages = [
  ...[".", "docs", "docs/how-to", "docs/guide", "docs/adr", "docs/results", "examples", "bench"],
  ...["packages", "packages/backends", "apps", "examples"].flatMap(foldersIn),
].flatMap(pagesIn);

interface Block {
  readonly page: string;
  /** Of the fence, from 1. */
  readonly line: number;
  /** The file that is quoted, if any. */
  readonly file: string | undefined;
  readonly code: string;
}

function blocksOf(page: string): readonly Block[] {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/^```ts(?: (\S+))?\n(.*?)^```$/gms)].map(({ 1: file, 2: code = "", index }) => ({
    page,
    line: text.slice(0, index).split("\n").length,
    file,
    code,
  }));
}

const blocks = pages.flatMap(blocksOf);
const place = ({ page, line }: Block) => `${page}:${line}`;

describe("quotations", () => {
  const quotations = blocks.filter(({ file }) => file !== undefined);

  it("are there", () => expect(quotations.length).toBeGreaterThan(10));

  it.each(quotations.map((block) => [place(block), block] as const))("%s", (_, { file, code }) => {
    const trimmed = (text: string) => text.split("\n").map((line) => line.trim());
    const lines = trimmed(readFileSync(join(root, file as string), "utf8"));
    let next = 0;
    for (const part of code.split(/^\/\/ \.\.\.\n/m)) {
      const wanted = trimmed(part.trimEnd());
      const found = lines.findIndex(
        (_, start) => start >= next && wanted.every((line, offset) => lines[start + offset] === line),
      );
      expect(found, `${file} has no such lines after line ${next}:\n${part}`).toBeGreaterThanOrEqual(0);
      next = found + wanted.length;
    }
  });
});

describe("modules", () => {
  it("have the right types", { timeout: 180_000 }, () => {
    const modules = new Map(
      blocks
        .filter(({ file }) => file === undefined)
        .map((block) => [join(root, `${place(block).replace(/[/:.]/g, "-")}.ts`), block]),
    );
    expect(modules.size).toBeGreaterThan(5);
    const { options } = ts.parseJsonConfigFileContent(
      ts.readConfigFile(join(root, "tsconfig.base.json"), ts.sys.readFile).config,
      ts.sys,
      root,
    );
    // A page may be shorter than a program: an index is trusted, a name may be made for show.
    const lenient = { noUncheckedIndexedAccess: false, noUnusedLocals: false, noUnusedParameters: false };
    const host = ts.createCompilerHost({ ...options, ...lenient });
    const readSource = host.getSourceFile;
    host.getSourceFile = (name, ...others) => {
      const block = modules.get(resolve(name));
      return block === undefined
        ? readSource(name, ...others)
        : ts.createSourceFile(name, `${block.code}\nexport {};\n`, ts.ScriptTarget.ES2023);
    };
    const exists = host.fileExists;
    host.fileExists = (name) => modules.has(resolve(name)) || exists(name);
    const program = ts.createProgram([...modules.keys()], { ...options, ...lenient }, host);
    const problems = [...modules].flatMap(([name, block]) => {
      const source = program.getSourceFile(name) as ts.SourceFile;
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
        ({ start = 0, messageText }) => {
          const line = block.line + 1 + source.getLineAndCharacterOfPosition(start).line;
          return `${block.page}:${line}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
        },
      );
    });
    expect(problems).toEqual([]);
  });
});

describe("links", () => {
  it("lead to files that are there", () => {
    const broken = pages.flatMap((page) => {
      const text = readFileSync(join(root, page), "utf8").replace(/^```.*?^```$/gms, "");
      return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target = ""]) => target.replace(/#.*$/, ""))
        .filter((target) => target !== "" && !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(resolve(root, dirname(page), target)))
        .map((target) => `${page}: ${target}`);
    });
    expect(broken).toEqual([]);
  });

  it("to files in the text are right, too", () => {
    const top = "(?:packages|apps|docs|examples|scripts|test|bench)/";
    const broken = pages.flatMap((page) => {
      const text = readFileSync(join(root, page), "utf8").replace(/^```.*?^```$/gms, "");
      return [...text.matchAll(new RegExp(`\`(${top}[^\`\\s*<{]+)\``, "g"))]
        .map(([, path = ""]) => path)
        .filter((path) => !path.startsWith("docs/site") && !existsSync(join(root, path)))
        .map((path) => `${page}: ${path}`);
    });
    expect(broken).toEqual([]);
  });
});

describe("tables", () => {
  it("pains names tests that are there", () => {
    const rows = [
      ...readFileSync(join(root, "docs/guide/pains.md"), "utf8").matchAll(/\| `(\S+)` \| ([^|`]+) \|$/gm),
    ];
    expect(rows.length).toBeGreaterThan(15);
    // In quotes after `it(`, `describe(` or the `)(` of an `each`.
    const titlesOf = (file: string) =>
      readFileSync(join(root, file), "utf8").matchAll(/(?:\b(?:it|describe)|\))\(\s*["`]([^\n]+?)["`],/g);
    const missing = rows.filter(
      ([, file = "", name = ""]) => ![...titlesOf(file)].some(([, title]) => title?.includes(name.trim())),
    );
    expect(missing.map(([row]) => row)).toEqual([]);
  });

  it("metrics names everything that ppo logs", () => {
    const page = readFileSync(join(root, "docs/guide/metrics.md"), "utf8");
    const source = ["experience", "response-metrics", "train", "train-metrics"]
      .map((name) => readFileSync(join(root, `packages/ppo/src/${name}.ts`), "utf8"))
      .join("\n");
    const names = [
      ...source.matchAll(/"((?:objective|ppo|ptx|reward|elapsed|response_length)\/\w+(?:\/\w+)?)"/g),
    ];
    expect(names.length).toBeGreaterThan(20);
    expect(names.map(([, name = ""]) => name).filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});
