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

export function createColumn(pages: Iterator<Page>, { path, definitionLevel }: SchemaNode): Column {
  let page: Page | undefined;
  let left = 0;
  const column = {
    repetition: 0,
    definition: -1,
    take(): unknown {
      if (page === undefined)
        throw new Error(`column "${path.join(".")}" has fewer values than its footer says`);
      const value = column.definition === definitionLevel ? page.value() : null;
      advance();
      return value;
    },
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
  advance();
  return column;
}
