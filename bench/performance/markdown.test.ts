import { expect, it } from "vitest";
import { placesOf } from "./markdown.js";

it("has a line for each machine, with all commits and dates", () => {
  const stamp = {
    machine: "two cores",
    commit: "commit aa",
    date: "2026-11-20",
    versions: { node: "20", torch: "2" },
  };
  const stamps = [
    stamp,
    { ...stamp, commit: "commit bb with changes", date: "2026-11-21" },
    { ...stamp, machine: "four cores", allocator: "tuned" },
  ];
  expect(placesOf(stamps)).toMatchInlineSnapshot(`
    "two cores; node 20, torch 2; commits aa, bb with changes; 2026-11-20, 2026-11-21.

    four cores; node 20, torch 2; allocator of the peers: tuned; commit aa; 2026-11-20."
  `);
});
