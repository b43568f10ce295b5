import { float32, int32 } from "@alignkit/core";
import { afterAll, describe, expect, it } from "vitest";
import { findLibrary } from "./library.js";
import { createHostMemory, createMemoryPool, type HostValue, idleRounds } from "./memory.js";
import { loadOrtApi } from "./ort-api.js";
import { createPageAdvice } from "./system-memory.js";
import type { Touched } from "./touched.js";

const api = loadOrtApi(findLibrary());
afterAll(() => api.dispose());

describe("memory pool", () => {
  it("gives freed memory out again for the same size, the last freed first", () => {
    const pool = createMemoryPool();
    const [a, b] = [pool.allocate(64), pool.allocate(64)];
    a.release();
    b.release();
    expect(pool.idleBytes).toBe(128);
    expect(pool.allocate(64).block).toBe(b.block);
    expect(pool.allocate(32).block).not.toBe(a.block);
    expect(pool.idleBytes).toBe(64);
  });

  it("keeps memory until its last holder lets go", () => {
    const pool = createMemoryPool();
    const storage = pool.allocate(64);
    storage.retain();
    storage.release();
    expect(pool.idleBytes).toBe(0);
    storage.release();
    expect(pool.idleBytes).toBe(64);
  });

  it("gives up memory that lay idle for long", () => {
    const pool = createMemoryPool();
    pool.allocate(64).release();
    for (let round = 0; round < idleRounds; round++) pool.nextRound();
    pool.allocate(16).release();
    expect(pool.idleBytes).toBe(80);
    pool.nextRound();
    expect(pool.idleBytes).toBe(16);
  });

  it.runIf(process.platform === "linux")("gives the pages of idle memory back to the system", () => {
    const advice = createPageAdvice();
    const size = 64 << 20;
    const pool = createMemoryPool({ advice });
    const storage = pool.allocate(size);
    const bytes = new Uint8Array(storage.block.buffer);
    bytes.fill(1);
    const before = process.memoryUsage.rss();
    storage.release();
    pool.clear();
    // `bytes` keeps the array from being collected: what went are its pages, which are zeros from now on.
    expect(before - process.memoryUsage.rss()).toBeGreaterThan(size / 2);
    expect(bytes[size / 2]).toBe(0);
  });
});

describe("host values", () => {
  const memory = createHostMemory(api, createMemoryPool());

  it("share memory until each is disposed", async () => {
    const first = await memory.upload(float32([1, 2, 3], [3]));
    const second = first.share();
    expect([first.isShared, second.isShared]).toEqual([true, true]);
    first.dispose();
    first.dispose();
    expect(second.isShared).toBe(false);
    expect([...(await second.read()).data]).toEqual([1, 2, 3]);
  });

  it("say so when used after disposal", async () => {
    const value = await memory.upload(int32([1, 2], [2]));
    value.dispose();
    await expect(value.read()).rejects.toThrow("onnx: int32[2] was used after it was disposed or donated");
    expect(() => value.handle).toThrow("after it was disposed");
    expect(() => value.share()).toThrow("after it was disposed");
  });

  it("are cleared to zeros only where the last on their memory are known to be touched", () => {
    const type = { dtype: "float32", shape: [600] } as const;
    const places = [0, 300, 599]; // of pieces 0, 1 and 2
    /** What is left at the places of sevens of which one piece is told, and that go through `change`. */
    const cleared = (touched: Touched | undefined, change: (value: HostValue) => void = () => {}) => {
      const before = memory.allocate(type) as HostValue;
      before.array().fill(7);
      before.touched = touched;
      change(before);
      before.dispose();
      const after = memory.zeros(type);
      expect(after.touched).toBeUndefined();
      const data = after.array();
      after.dispose();
      return places.map((place) => data[place]);
    };
    expect(cleared(undefined)).toEqual([0, 0, 0]);
    expect(cleared(Uint8Array.of(0, 1, 0))).toEqual([7, 0, 7]);
    expect(cleared(Uint8Array.of(0, 1, 0), (value) => value.share().dispose())).toEqual([0, 0, 0]);
    const others = (value: HostValue) => {
      value.dispose();
      const next = memory.allocate(type);
      next.array().fill(7);
      next.dispose();
    };
    expect(cleared(Uint8Array.of(0, 1, 0), others)).toEqual([0, 0, 0]);
  });

  it("hold no elements, or one, at a rank of any kind", async () => {
    const empty = await memory.upload(float32([], [0, 3]));
    expect((await empty.read()).data.length).toBe(0);
    const scalar = await memory.upload(float32([7], []));
    expect([...(await scalar.read()).data]).toEqual([7]);
  });
});
