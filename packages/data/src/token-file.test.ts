import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createTokenFile } from "./token-file.js";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-token-file-"));
});
afterAll(() => rm(directory, { recursive: true }));

/** Example `index` has `index % 5` tokens. */
const rowsOf = (index: number) => {
  const ids = Int32Array.from({ length: index % 5 }, (_, place) => 1000 * index + place);
  return [ids, ids.map((id) => -id)];
};

it("gives back what was appended, in any order, more than is gathered at once", async () => {
  const count = 300_000; // 1.2 million values: they are written in more than one part
  const writer = await createTokenFile(directory, 2);
  for (let index = 0; index < count; index++) await writer.append(rowsOf(index));
  const file = await writer.finish();
  expect(file.length).toBe(count);
  // Its name is gone, whatever becomes of the process.
  expect(await readdir(directory)).toEqual([]);
  for (const index of [count - 1, 0, 1, 4, 131_071, 262_144]) expect(file.at(index)).toEqual(rowsOf(index));
  expect([file.at(-1), file.at(count)]).toEqual([undefined, undefined]);
  file.close();
});

it("refuses rows of unlike length, and leaves nothing behind", async () => {
  const writer = await createTokenFile(directory, 2);
  await expect(writer.append([new Int32Array(2), new Int32Array(3)])).rejects.toThrow(
    "give 2 of like length",
  );
  await expect(writer.append([new Int32Array(2)])).rejects.toThrow("give 2 of like length");
  await writer.abandon();
  expect(await readdir(directory)).toEqual([]);
});
