import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { useDirectory } from "../../test/files.js";
import { readParquet } from "./parquet.js";

const directory = useDirectory();

async function read(file: string) {
  const rows: unknown[] = [];
  for await (const { line, value, unit } of readParquet(file)) {
    expect([line, unit]).toEqual([rows.length + 1, "row"]);
    rows.push(value);
  }
  return rows;
}

type Columns = Parameters<typeof parquetWriteBuffer>[0]["columnData"];
const write = (name: string, columnData: Columns, rowGroupSize = 100) =>
  directory.write(name, new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize })));

it("reads rows of several groups, numbers and times as JSON has them", async () => {
  const data: Columns = [
    { name: "prompt", data: ["a", "é", "c"] },
    { name: "count", data: [1n, -2n, 2n ** 53n - 1n], type: "INT64" },
    { name: "at", data: [new Date(0), null, new Date(1000)], type: "TIMESTAMP" },
  ];
  const rows = [
    { prompt: "a", count: 1, at: "1970-01-01T00:00:00.000Z" },
    { prompt: "é", count: -2, at: null },
    { prompt: "c", count: 9007199254740991, at: "1970-01-01T00:00:01.000Z" },
  ];
  const file = await write("a.parquet", data, 2);
  expect(await read(file)).toEqual(rows);
  const packed = await directory.write("a.parquet.gz", gzipSync(await readFile(file)));
  expect(await read(packed)).toEqual(rows);
});

describe("written by pyarrow, as datasets of the Hub are", () => {
  it.each(["snappy", "gzip", "zstd", "brotli", "lz4"])("reads messages compressed with %s", async (codec) => {
    const file = fileURLToPath(new URL(`fixtures/messages.${codec}.parquet`, import.meta.url));
    expect(await read(file)).toEqual([
      {
        messages: [
          { role: "user", content: "2 + 3?" },
          { role: "assistant", content: "5" },
        ],
        label: true,
        margin: 0.5,
        ranks: [1, 2],
      },
      { messages: [{ role: "user", content: "日本" }], label: false, margin: null, ranks: [] },
    ]);
  });
});

describe("written by pyarrow in other pages and encodings", () => {
  const user = (content: string | null) => ({ role: "user", content });
  const rows = [
    {
      chosen: [user("2 + 3?"), { role: "assistant", content: "5" }],
      text: "a fox",
      id: 2 ** 40,
      small: 1,
      share: 0.5,
      flag: true,
      input_ids: [464, 21831],
      at: "1970-01-01T00:00:00.000Z",
      price: null,
      of: { who: { name: "Ann" } },
      counts: { a: 1, b: null },
    },
    {
      chosen: [],
      text: "a foxglove",
      id: -3,
      small: 2,
      share: null,
      flag: null,
      input_ids: [],
      at: "1970-01-01T00:00:01.500Z",
      price: 1.25,
      of: { who: null },
      counts: {},
    },
    {
      chosen: null,
      text: null,
      id: 7,
      small: -3,
      share: -2.25,
      flag: false,
      input_ids: [1],
      at: null,
      price: -0.5,
      of: null,
      counts: null,
    },
    {
      chosen: [user(null), null],
      text: "",
      id: null,
      small: 2 ** 31 - 1,
      share: 1e9,
      flag: true,
      input_ids: null,
      at: "1969-12-31T23:59:59.999Z",
      price: 0,
      of: { who: { name: null } },
      counts: { c: 3 },
    },
    {
      chosen: [user("日本")],
      text: "a fox",
      id: 2 ** 40,
      small: -(2 ** 31),
      share: 0,
      flag: true,
      input_ids: [5, null, 6],
      at: "1970-01-01T00:00:00.000Z",
      price: null,
      of: null,
      counts: {},
    },
  ];
  it.each(["dictionary", "pages-v2", "plain", "differences"])("%s", async (kind) => {
    const file = fileURLToPath(new URL(`fixtures/many.${kind}.parquet`, import.meta.url));
    expect(await read(file)).toEqual(rows);
  });

  it("times of 96 bits", async () => {
    const file = fileURLToPath(new URL("fixtures/many.old-times.parquet", import.meta.url));
    expect((await read(file)).map((row) => (row as { at: unknown }).at)).toEqual(rows.map(({ at }) => at));
  });
});

describe("refuses", () => {
  it("what is no parquet file, and one that is cut short", async () => {
    const text = await directory.write("text.parquet", '{"prompt": "this is JSON, not parquet"}');
    await expect(read(text)).rejects.toThrow(`${text}: cannot be read as parquet; `);
    const whole = await readFile(await write("a.parquet", [{ name: "a", data: ["x", "y"] }]));
    const cut = await directory.write("cut.parquet", whole.subarray(0, whole.length - 9));
    await expect(read(cut)).rejects.toMatchObject({ code: "DATA_INVALID" });
    await expect(read(await directory.write("empty.parquet", ""))).rejects.toThrow(
      "cannot be read as parquet",
    );
    await expect(read(directory.path("none.parquet"))).rejects.toThrow("none.parquet: no such file");
    await expect(read(directory.path("none.parquet.gz"))).rejects.toThrow("none.parquet.gz: no such file");
  });

  it("a footer that names more bytes than there are", async () => {
    const bytes = Buffer.from(await readFile(await write("a.parquet", [{ name: "a", data: ["x", "y"] }])));
    bytes.writeUInt32LE(0x7fffffff, bytes.length - 8);
    const file = await directory.write("lie.parquet", bytes);
    await expect(read(file)).rejects.toMatchObject({ code: "DATA_INVALID" });
  });

  it("a footer with a wrong byte anywhere, unless rows can still be read", async () => {
    const path = await write("footer.parquet", [
      { name: "prompt", data: Array(50).fill("a"), type: "STRING" },
    ]);
    const whole = await readFile(path);
    const footer = whole.length - 8 - whole.readUInt32LE(whole.length - 8);
    let refused = 0;
    for (let at = footer; at < whole.length; at++) {
      const broken = Buffer.from(whole);
      broken[at] = 0xff;
      const file = await directory.write("broken.parquet", new Uint8Array(broken));
      await read(file).catch((error) => {
        expect(error).toMatchObject({ code: "DATA_INVALID" });
        refused++;
      });
    }
    expect(refused).toBeGreaterThan((whole.length - footer) / 2);
  });

  it("more rows than its columns have values", async () => {
    const path = await write("rows.parquet", [{ name: "prompt", data: Array(50).fill("a"), type: "STRING" }]);
    const whole = await readFile(path);
    // 50 as a zigzag varint (0x64), last in the footer: the rows of its only group.
    const broken = Buffer.from(whole);
    broken[whole.lastIndexOf(0x64, whole.length - 9)] = 0x7e;
    const file = await directory.write("more.parquet", new Uint8Array(broken));
    await expect(read(file)).rejects.toThrow("footer speaks of 63 rows, of 1 columns, with 50 values");
  });

  it("a whole number that JSON cannot hold", async () => {
    const file = await write("a.parquet", [{ name: "id", data: [2n ** 53n], type: "INT64" }]);
    await expect(read(file)).rejects.toThrow(
      `${file}, row 1: "id" is 9007199254740992, more than a number of JSON holds; store it as text`,
    );
  });
});
