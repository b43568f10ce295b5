import { UnfitValueError } from "./json-values.js";
import type { Page } from "./pages.js";
import type { SchemaNode } from "./schema.js";

/** The values of a column, one after another, nulls and empty lists among them. */
export interface Column {
  /** Levels of what `take` gives next. `definition` is -1 when nothing is left. */
  readonly repetition: number;
  readonly definition: number;
  /** The value, or null where the column, or something around it, is absent. */
  take(): unknown;
}

/** @throws {Error} naming the column, here and when something is taken */
export function createColumn(pages: Iterator<Page>, { path, definitionLevel }: SchemaNode): Column {
  let page: Page | undefined;
  let left = 0;
  const named = (cause: unknown): unknown => {
    if (cause instanceof UnfitValueError) return cause;
    return new Error(`column "${path.join(".")}": ${(cause as Error).message}`, { cause });
  };
  const advance = () => {
    while (left === 0) {
      page = pages.next().value;
      left = page?.count ?? -1;
    }
    left--;
    column.repetition = page?.repetition() ?? 0;
    column.definition = page?.definition() ?? -1;
  };
  const column = {
    repetition: 0,
    definition: -1,
    take(): unknown {
      try {
        if (page === undefined) throw new Error("it has fewer values than its footer says");
        const value = column.definition === definitionLevel ? page.value() : null;
        advance();
        return value;
      } catch (cause) {
        throw named(cause);
      }
    },
  };
  try {
    advance();
  } catch (cause) {
    throw named(cause);
  }
  return column;
}
