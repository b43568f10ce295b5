import { readFileSync } from "node:fs";
import { release } from "node:os";
import koffi from "koffi";
import { beforeAll, describe, expect, it } from "vitest";
import { createHugePageMover, returnLargeBlocks } from "./system-memory.js";

const isLinux = process.platform === "linux";
/** Since Linux 6.1, unless it is turned off. */
const collapses =
  isLinux &&
  Number.parseFloat(release()) >= 6.1 &&
  !readFileSync("/sys/kernel/mm/transparent_hugepage/enabled", "utf8").includes("[never]");

const kilobytes = (field: string): number =>
  Number(
    new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync("/proc/self/smaps_rollup", "utf8"))?.[1],
  );

describe.runIf(isLinux)("memory of native code", () => {
  const library = isLinux ? koffi.load(null) : undefined;
  const malloc = library?.func("malloc", "uintptr_t", ["size_t"]) as (bytes: number) => bigint;
  const free = library?.func("free", "void", ["uintptr_t"]) as (address: bigint) => void;
  const set = library?.func("memset", "uintptr_t", ["uintptr_t", "int", "size_t"]) as (
    address: bigint,
    byte: number,
    bytes: number,
  ) => bigint;

  beforeAll(returnLargeBlocks);

  it("goes back to the system when a large block is freed, whatever was freed before", () => {
    const block = 24 << 20;
    for (let round = 0; round < 3; round++) {
      const before = kilobytes("Rss");
      const blocks = Array.from({ length: 4 }, () => malloc(block));
      for (const address of blocks) set(address, 1, block);
      expect(kilobytes("Rss") - before).toBeGreaterThan(90_000); // 4 x 24 MiB
      const above = malloc(1 << 16); // as long as something lies above them, they cannot go with the heap's end
      for (const address of blocks) free(address);
      expect(kilobytes("Rss") - before).toBeLessThan(20_000);
      free(above);
    }
  });

  it.runIf(collapses)("moves to huge pages where it lies", async () => {
    const move = createHugePageMover();
    await move();
    const before = kilobytes("AnonHugePages");
    const bytes = 96 << 20;
    const address = BigInt(malloc(bytes));
    const third = BigInt(bytes / 3);
    // The third between is never touched.
    for (const start of [address, address + 2n * third]) set(start, 7, bytes / 3);
    await move();
    // 64 MiB, but for the pages at the ends
    expect(kilobytes("AnonHugePages") - before).toBeGreaterThan(56_000);
    expect(koffi.decode(address, bytes - 1, "uint8")).toBe(7);
    free(address);
  });
});
