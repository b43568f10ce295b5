/** Tables and lines of docs/performance.md. */
import { formatTable } from "../report.js";
import type { Stamp } from "./record.js";

/** Markdown does not need the alignment, and a page changes less without. */
export const narrow = (table: string): string => table.replace(/ {2,}/g, " ").replace(/-{3,}/g, "--");

export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  narrow(formatTable(head, rows));

/** Of one row of a table. */
interface Place extends Stamp {
  readonly allocator?: string;
  /** The row, told where there is more than one machine. */
  readonly row?: string;
}

/** A line for each machine with its versions: what else differs is listed in it. */
export function placesOf(stamps: readonly Place[]): string {
  const groups = new Map<string, Place[]>();
  for (const stamp of stamps) {
    const versions = Object.entries(stamp.versions).map(([name, version]) => `${name} ${version}`);
    const allocator = stamp.allocator === undefined ? [] : [`allocator of the peers: ${stamp.allocator}`];
    const place = [stamp.machine, versions.join(", "), ...allocator].join("; ");
    groups.set(place, [...(groups.get(place) ?? []), stamp]);
  }
  return [...groups]
    .map(([place, group]) => {
      const commits = [...new Set(group.map(({ commit }) => commit.replace(/^commit /, "")))];
      const dates = [...new Set(group.map(({ date }) => date))];
      const word = commits.length === 1 ? "commit" : "commits";
      const rows = groups.size === 1 ? [] : [...new Set(group.flatMap(({ row = [] }) => row))];
      const told = rows.length === 0 ? "" : `: ${rows.join(", ")}`;
      return `${place}; ${word} ${commits.join(", ")}; ${dates.join(", ")}${told}.`;
    })
    .join("\n\n");
}
