/** Places on the Hub as places here: they are fetched before a command begins. */
import type { Command } from "commander";
import type { Session } from "../session.js";
import { formatBytes } from "../terminal/format.js";
import { UsageError } from "../usage-error.js";

const isOnHub = (value: unknown): value is string => typeof value === "string" && value.startsWith("hf://");

/** Replaces `hf://..` in the options of a command that is about to run. */
export async function fetchOptions(session: Session, command: Command): Promise<void> {
  for (const [name, value] of Object.entries(command.opts())) {
    const local = await fetchPlaces(session, value);
    if (local !== value) command.setOptionValue(name, local);
  }
}

/**
 * Replaces `hf://..` anywhere in a value as JSON has them: a model by its directory, data by its files, which become
 * several entries where they stand in a list. What names nothing on the Hub is given back as it is.
 * @throws {UsageError} where several files stand for one text
 */
export async function fetchPlaces(session: Session, value: unknown): Promise<unknown> {
  if (isOnHub(value)) return oneOf(value, await fetchPlace(session, value));
  if (!hasPlaces(value)) return value;
  if (Array.isArray(value)) {
    const entries = await Promise.all(
      value.map(async (entry) =>
        isOnHub(entry) ? fetchPlace(session, entry) : [await fetchPlaces(session, entry)],
      ),
    );
    return entries.flat();
  }
  const entries: [string, unknown][] = [];
  for (const [name, entry] of Object.entries(value as object))
    entries.push([name, await fetchPlaces(session, entry)]);
  return Object.fromEntries(entries);
}

function hasPlaces(value: unknown): boolean {
  if (isOnHub(value)) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(hasPlaces);
}

async function fetchPlace({ terminal, screen }: Session, place: string): Promise<readonly string[]> {
  const { fetchFromHub } = await import("@alignkit/hub");
  return fetchFromHub(place, {
    environment: terminal.environment,
    onFile: ({ path, size }) => screen.line(`${place}: fetches ${path} (${formatBytes(size)})`),
  });
}

function oneOf(place: string, paths: readonly string[]): string {
  const [only] = paths;
  if (paths.length === 1 && only !== undefined) return only;
  throw new UsageError(`${place} is ${paths.length} files, and one is wanted; name it`);
}
