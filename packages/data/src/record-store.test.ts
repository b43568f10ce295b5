import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eachRecord, longestFirst, type RecordList, recordsAt, withRecordStore } from "./record-store.js";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-record-store-"));
});
afterAll(() => rm(directory, { recursive: true }));

/** Record `index` has `index % 5` tokens. */
const recordOf = (index: number) => ({
  inputIds: Int32Array.from({ length: index % 5 }, (_, place) => 1000 * index + place),
  margin: index / 3,
  labeler: index % 2 === 0 ? undefined : "é",
  row: { nested: [{ id: index }, null] },
});

async function* records(count: number) {
  for (let index = 0; index < count; index++) yield recordOf(index);
}

it("gives back what was kept, in any order, more than is gathered at once", async () => {
  const count = 60_000; // more than 80 bytes each: they are written in more than one part
  let closed: RecordList<unknown> | undefined;
  await withRecordStore(directory, async (store) => {
    const [list, other] = [await store.keep(records(count)), await store.keep(records(2))];
    closed = list;
    expect([list.length, other.length]).toEqual([count, 2]);
    // Their names are gone, whatever becomes of the process.
    expect(await readdir(directory)).toEqual([]);
    for (const index of [count - 1, 0, 1, 4, 31_071, 42_144]) expect(list.at(index)).toEqual(recordOf(index));
    expect([list.at(-1), list.at(count), other.at(2)]).toEqual([undefined, undefined, undefined]);
    expect([...eachRecord(other)]).toEqual([recordOf(0), recordOf(1)]);
  });
  expect(() => closed?.at(0)).toThrow("EBADF");
});

it("keeps part of an array as that part", async () => {
  const whole = Int32Array.of(1, 2, 3, 4);
  async function* part() {
    yield whole.subarray(1, 3);
  }
  const kept = await withRecordStore(directory, async (store) => (await store.keep(part())).at(0));
  expect(kept).toEqual(Int32Array.of(2, 3));
});

it("leaves nothing behind when a record cannot be read", async () => {
  async function* broken() {
    yield recordOf(1);
    throw new RangeError("line 2");
  }
  await expect(withRecordStore(directory, (store) => store.keep(broken()))).rejects.toThrow("line 2");
  expect(await readdir(directory)).toEqual([]);
});

it("orders by length, those of one length as they stand", () => {
  const words = ["a", "ccc", "bb", "ddd"];
  expect(longestFirst(words, (word) => word.length)).toEqual([1, 3, 2, 0]);
  expect(recordsAt(words, [3, 0])).toEqual(["ddd", "a"]);
});
