/** YAML files whose errors name the line. */
import { readFile } from "node:fs/promises";
import { ConfigError } from "@alignkit/core";
import { isMap, isScalar, LineCounter, type Node, parseDocument } from "yaml";

export interface YamlFile {
  readonly path: string;
  readonly value: unknown;
  /** `pipeline.yaml:12` for the key at the end of `keys`, or the nearest one above it. */
  place(keys: readonly (string | number)[]): string;
}

/** @throws {ConfigError} when it cannot be read or is not YAML */
export async function readYamlFile(path: string, shownPath = path): Promise<YamlFile> {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === "ENOENT" ? "no such file" : cause.message;
    throw new ConfigError(`${shownPath}: ${reason}; give the path of a YAML file`, { cause });
  });
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const { line } = lineCounter.linePos(problem.pos[0]);
    throw new ConfigError(`${shownPath}:${line}: ${problem.message}`, { cause: problem });
  }
  return {
    path,
    value: document.toJS() ?? {},
    place(keys) {
      const offset = offsetOf(document.contents, keys);
      return offset === undefined ? shownPath : `${shownPath}:${lineCounter.linePos(offset).line}`;
    },
  };
}

/** Where a key stands, as far down as the document has it. */
function offsetOf(root: Node | null, keys: readonly (string | number)[]): number | undefined {
  let node: unknown = root;
  let offset: number | undefined;
  for (const key of keys) {
    if (isMap(node)) {
      const pair = node.items.find((item) => (isScalar(item.key) ? item.key.value : item.key) === key);
      if (pair === undefined) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else {
      const items = (node as { readonly items?: readonly unknown[] } | null)?.items;
      const item = typeof key === "number" ? items?.[key] : undefined;
      if (item === undefined) break;
      offset = (item as Node).range?.[0] ?? offset;
      node = item;
    }
  }
  return offset;
}
