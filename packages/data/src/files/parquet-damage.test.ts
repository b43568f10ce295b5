import { readdirSync, readFileSync } from "node:fs";
import { createRandom } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { damaged } from "../../test/damage.js";
import { useDirectory } from "../../test/files.js";
import { readParquet } from "./parquet.js";

const directory = useDirectory();
const fixtures = new URL("fixtures/", import.meta.url);
const files = readdirSync(fixtures).filter((name) => name.endsWith(".parquet"));
const contents = files.map((name) => readFileSync(new URL(name, fixtures)));

async function read(bytes: Buffer): Promise<number> {
  const file = await directory.write("damaged.parquet", new Uint8Array(bytes));
  let rows = 0;
  for await (const _ of readParquet(file)) rows++;
  return rows;
}

describe("whatever bytes a file has, reading it ends soon, with rows or an error that names it", () => {
  it.each(files)("%s", async (name) => {
    const random = createRandom(1).split(name);
    const whole = contents[files.indexOf(name)] as Buffer;
    let refused = 0;
    for (let round = 0; round < 250; round++) {
      const other = contents[random.integer(contents.length)] as Buffer;
      const start = performance.now();
      await read(damaged(whole, other, random)).catch((error) => {
        expect(error).toMatchObject({ code: "DATA_INVALID" });
        expect(error.message).toContain("damaged.parquet");
        refused++;
      });
      // A row takes microseconds, and there are five; a loop over a wrong number would take seconds.
      expect(performance.now() - start).toBeLessThan(1000);
    }
    expect(refused).toBeGreaterThan(50);
  });
});
