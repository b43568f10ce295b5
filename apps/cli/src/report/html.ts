/** Text that is safe to stand in a page. */
export interface Html {
  readonly html: string;
}

/** A piece of a page; values are escaped unless they are pieces themselves, lists are joined. */
export function html(parts: TemplateStringsArray, ...values: readonly unknown[]): Html {
  let text = parts[0] as string;
  for (const [index, value] of values.entries()) text += show(value) + (parts[index + 1] as string);
  return { html: text };
}

function show(value: unknown): string {
  if (Array.isArray(value)) return value.map(show).join("");
  if (typeof value === "object" && value !== null && "html" in value) return String(value.html);
  return value === undefined || value === null ? "" : escapeText(String(value));
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

const escapeText = (text: string) => text.replace(/[&<>"]/g, (character) => entities[character] as string);

/** JSON inside a script element, which `</script>` in a text must not end. */
export const embeddedJson = (value: unknown): Html => ({
  html: JSON.stringify(value).replaceAll("<", "\\u003c"),
});
