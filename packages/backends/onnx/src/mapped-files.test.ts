import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHeap, type Heap } from "./heap.js";
import { createFileMapper, type FileMapper, type MappedBlock } from "./mapped-files.js";

const floats = 5000;
/** No multiple of a page, as tensors lie in a file. */
const offset = 4100;

let directory: string;
let path: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-mapped-"));
  path = join(directory, "numbers");
  const numbers = Float32Array.from({ length: floats }, (_, index) => index);
  await writeFile(path, Buffer.concat([Buffer.alloc(offset, 7), Buffer.from(numbers.buffer)]));
});
afterAll(() => rm(directory, { recursive: true }));

/** 14 pages of 64 KiB, without what a large block leaves free. */
const wholeHeap = 14 * 65_536 - 1088;

describe.skipIf(process.platform !== "linux")("files as memory (Linux only)", () => {
  const heap = createHeap(15) as Heap;
  const mapper = createFileMapper(heap, () => {}) as FileMapper;
  const map = async (): Promise<MappedBlock | undefined> => {
    const file = await open(path);
    try {
      return await mapper.map(file.fd, offset, floats * 4);
    } finally {
      await file.close();
    }
  };
  const view = ({ buffer, byteOffset }: MappedBlock) => new Float32Array(buffer, byteOffset, floats);

  it("hold what the file holds after it was closed, and writing changes memory alone", async () => {
    const block = (await map()) as MappedBlock;
    const values = view(block);
    expect([values[0], values[1024], values[4999]]).toEqual([0, 1024, 4999]);
    values[1024] = -1;
    const other = (await map()) as MappedBlock;
    expect([values[1024], values[1025], view(other)[1024]]).toEqual([-1, 1025, 1024]);
    const stored = await readFile(path);
    expect(stored.readFloatLE(offset + 4 * 1024)).toBe(1024);
    block.free();
    other.free();
  });

  it("are reached by kernels on the heap where they lie", async () => {
    const block = (await map()) as MappedBlock;
    expect(block.buffer).toBe(heap.buffer);
    expect(block.byteOffset % 4).toBe(0);
    block.free();
  });

  it("leave ordinary memory behind, however often they are mapped", async () => {
    for (let round = 0; round < 100; round++) {
      const block = (await map()) as MappedBlock;
      view(block)[0] = round;
      block.free();
    }
    const whole = heap.allocate(wholeHeap) as number;
    const bytes = new Uint8Array(heap.buffer, whole, wholeHeap);
    bytes.fill(1);
    expect(bytes.every((byte) => byte === 1)).toBe(true);
    heap.free(whole, wholeHeap);
    expect((await readFile(path)).readFloatLE(offset + 8)).toBe(2);
  });

  it("are refused where there is no room, and where the file is not open", async () => {
    const whole = heap.allocate(wholeHeap) as number;
    expect(await map()).toBeUndefined();
    heap.free(whole, wholeHeap);
    expect(await mapper.map(-1, offset, floats * 4)).toBeUndefined();
    expect(heap.allocate(wholeHeap)).toBe(whole);
    heap.free(whole, wholeHeap);
  });
});
