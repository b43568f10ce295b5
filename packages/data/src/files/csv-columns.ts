/** Columns of the known formats that are not texts; in `.csv` files they hold JSON. */
export const jsonColumns: ReadonlySet<string> = new Set([
  ...["messages", "conversations", "responses", "ranks", "completions", "labels", "label", "margin"],
  ...["input_ids", "instances", "history", "kto_tag"],
]);
