import { expect, it } from "vitest";
import { placesOf } from "./markdown.js";

const stamp = {
  machine: "two cores",
  commit: "commit aa",
  date: "2026-11-20",
  versions: { node: "20", torch: "2" },
};

it("has a line for each machine, with all commits and dates", () => {
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

it("tells the rows of each machine where there are several", () => {
  const here = ["a", "b", "b"].map((row) => ({ ...stamp, row }));
  expect(placesOf(here)).toBe("two cores; node 20, torch 2; commit aa; 2026-11-20.");
  expect(placesOf([...here, { ...stamp, machine: "four cores", row: "c" }])).toBe(
    "two cores; node 20, torch 2; commit aa; 2026-11-20: a, b.\n\nfour cores; node 20, torch 2; commit aa; 2026-11-20: c.",
  );
});
