import { expect, it } from "vitest";
import { isHubReference, parseHubReference, printHubReference } from "./reference.js";

it.each([
  ["hf://tiny/model", { kind: "model", id: "tiny/model", revision: "main", path: "" }],
  ["hf://tiny/model@v1.0", { kind: "model", id: "tiny/model", revision: "v1.0", path: "" }],
  [
    "hf://tiny/model@refs%2Fpr%2F1/a/b.json",
    { kind: "model", id: "tiny/model", revision: "refs/pr/1", path: "a/b.json" },
  ],
  [
    "hf://datasets/tiny/data-set_1.5/data/*.parquet",
    { kind: "dataset", id: "tiny/data-set_1.5", revision: "main", path: "data/*.parquet" },
  ],
])("reads %s, and writes it again", (text, reference) => {
  expect(isHubReference(text)).toBe(true);
  expect(parseHubReference(text)).toEqual(reference);
  expect(printHubReference(parseHubReference(text))).toBe(text);
});

it("knows what is a path", () => {
  for (const text of ["tiny/model", "./hf:/x", "/hf://"]) expect(isHubReference(text)).toBe(false);
});
