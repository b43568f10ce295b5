import { mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CheckpointContent, type CheckpointStore, createCheckpointStore } from "./checkpoint.js";
import { createLogger } from "./logger.js";
import type { HostTensor } from "./types.js";

let directory: string;
let warnings: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-checkpoint-"));
  warnings = [];
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const openStore = (keep?: number): CheckpointStore =>
  createCheckpointStore({
    directory,
    ...(keep === undefined ? {} : { keep }),
    logger: createLogger((level, message) => {
      if (level === "warn") warnings.push(message);
    }),
  });

const float32 = (shape: readonly number[], values: readonly number[]): HostTensor => ({
  type: { dtype: "float32", shape },
  data: Float32Array.from(values),
});

/** Content that differs at each step. */
const contentOf = (step: number): CheckpointContent => ({
  tensors: {
    policy: {
      weight: float32([2, 3], [step, -0, 1e-42, Number.NaN, 5, 6]),
      bias: float32([1], [step / 3]),
      "2": { type: { dtype: "int32", shape: [3] }, data: Int32Array.of(-1, step, 2 ** 31 - 1) },
    },
    "policy-optimizer": {
      mask: { type: { dtype: "bool", shape: [5] }, data: Uint8Array.of(1, 0, 1, 1, 0) },
      moment: { type: { dtype: "float32", shape: [2] }, data: Float64Array.of(Math.PI, step) },
      empty: float32([0, 4], []),
      scalar: float32([], [7]),
    },
  },
  state: { cursor: step * 10, random: { path: [1, "sft"] }, coefficient: 0.1 + 0.2 },
});

/** Changes byte `position` of a file. */
async function flip(path: string, position: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[position]! ^= 1;
  await writeFile(path, bytes);
}

describe("a checkpoint", () => {
  it("comes back with the same bytes, types and state", async () => {
    await openStore().save(40, contentOf(40));
    const checkpoint = await openStore().latest();
    expect(checkpoint).toEqual({ step: 40, ...contentOf(40) });
    const { policy } = checkpoint!.tensors;
    // -0 and NaN equal themselves under toEqual only by value; their bits are compared here.
    expect([...new Uint32Array(policy!.weight!.data.buffer)]).toEqual([
      0x42200000, 0x80000000, 0x2ca, 0x7fc00000, 0x40a00000, 0x40c00000,
    ]);
    expect(warnings).toEqual([]);
  });

  it("takes views into larger buffers and tensors that are read from a device", async () => {
    const buffer = Float32Array.of(9, 1, 2, 9).buffer;
    let reads = 0;
    await openStore().save(1, {
      tensors: {
        policy: {
          view: { type: { dtype: "float32", shape: [2] }, data: new Float32Array(buffer, 4, 2) },
          device: {
            async read() {
              reads++;
              return float32([1], [3]);
            },
          },
        },
      },
      state: null,
    });
    const checkpoint = await openStore().latest();
    expect(checkpoint!.tensors.policy!.view!.data).toEqual(Float32Array.of(1, 2));
    expect(checkpoint!.tensors.policy!.device!.data).toEqual(Float32Array.of(3));
    expect(reads).toBe(1);
  });

  it("aligns each tensor to 64 bytes and describes itself in its manifest", async () => {
    await openStore().save(2, contentOf(2));
    const manifest = JSON.parse(await readFile(join(directory, "step-2", "manifest.json"), "utf8"));
    // "2" first, as in any JavaScript object: 12 bytes, then 24, then 4.
    expect(manifest.tensors.policy).toEqual({
      "2": { dtype: "int32", storage: "int32", shape: [3], offset: 0 },
      weight: { dtype: "float32", storage: "float32", shape: [2, 3], offset: 64 },
      bias: { dtype: "float32", storage: "float32", shape: [1], offset: 128 },
    });
    expect(manifest.files["policy.bin"].bytes).toBe(132);
    expect(Object.keys(manifest.files)).toEqual(["policy.bin", "policy-optimizer.bin", "state.json"]);
  });

  it("keeps the newest two, or as many as asked", async () => {
    const store = openStore();
    for (const step of [10, 20, 30, 100]) await store.save(step, contentOf(step));
    expect((await readdir(directory)).sort()).toEqual(["step-100", "step-30"]);
    await openStore(1).save(110, contentOf(110));
    expect(await readdir(directory)).toEqual(["step-110"]);
  });

  it("gives up checkpoints of later steps when an earlier one is saved", async () => {
    const store = openStore();
    await store.save(10, contentOf(10));
    await store.save(30, contentOf(30));
    await store.save(20, contentOf(20));
    expect((await readdir(directory)).sort()).toEqual(["step-10", "step-20"]);
    await store.save(20, contentOf(21));
    expect((await store.latest())!.state).toEqual(contentOf(21).state);
  });

  it("is absent before the first one", async () => {
    expect(
      await createCheckpointStore({
        directory: join(directory, "none"),
        logger: createLogger(() => {}),
      }).latest(),
    ).toBe(undefined);
  });
});

describe("a damaged checkpoint", () => {
  const damages: Record<
    string,
    { readonly damage: (checkpoint: string) => Promise<void>; readonly says: RegExp }
  > = {
    "tensors cut short": {
      damage: (checkpoint) => truncate(join(checkpoint, "policy.bin"), 100),
      says: /step 20 is not used: .*policy\.bin: has 100 bytes, the manifest says 132/,
    },
    "a tensor byte changed": {
      damage: (checkpoint) => flip(join(checkpoint, "policy.bin"), 70),
      says: /step 20 is not used: .*policy\.bin: its SHA-256/,
    },
    "a padding byte changed": {
      damage: (checkpoint) => flip(join(checkpoint, "policy.bin"), 50),
      says: /policy\.bin: its SHA-256/,
    },
    "a group removed": {
      damage: (checkpoint) => rm(join(checkpoint, "policy-optimizer.bin")),
      says: /policy-optimizer\.bin: is missing/,
    },
    "state changed": {
      damage: async (checkpoint) => {
        const path = join(checkpoint, "state.json");
        await writeFile(path, (await readFile(path, "utf8")).replace("200", "201"));
      },
      says: /state\.json: its SHA-256/,
    },
    "manifest removed": {
      damage: (checkpoint) => rm(join(checkpoint, "manifest.json")),
      says: /manifest\.json: cannot be read/,
    },
    "manifest cut short": {
      damage: (checkpoint) => truncate(join(checkpoint, "manifest.json"), 200),
      says: /manifest\.json: is not JSON/,
    },
    "the last byte of the manifest cut": {
      damage: async (checkpoint) => {
        const path = join(checkpoint, "manifest.json");
        await truncate(path, (await readFile(path)).length - 1);
      },
      says: /manifest\.json: its SHA-256/,
    },
    "manifest emptied of its content": {
      damage: (checkpoint) => writeFile(join(checkpoint, "manifest.json"), "null\n"),
      says: /manifest\.json: its SHA-256/,
    },
    "manifest changed": {
      damage: async (checkpoint) => {
        const path = join(checkpoint, "manifest.json");
        const text = await readFile(path, "utf8");
        await writeFile(path, text.replace('"step": 20', '"step": 21'));
      },
      says: /manifest\.json: its SHA-256/,
    },
    "of a later version": {
      damage: async (checkpoint) => {
        const path = join(checkpoint, "manifest.json");
        const text = await readFile(path, "utf8");
        await writeFile(path, text.replace('"version": 1', '"version": 2'));
      },
      says: /version 2 is not known/,
    },
  };
  for (const [name, { damage, says }] of Object.entries(damages)) {
    it(`is named and the one before it is used: ${name}`, async () => {
      const store = openStore();
      await store.save(10, contentOf(10));
      await store.save(20, contentOf(20));
      await damage(join(directory, "step-20"));
      expect((await store.latest())!.step).toBe(10);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatch(says);
    });
  }

  it("is refused when its folder was renamed", async () => {
    await openStore().save(10, contentOf(10));
    await rename(join(directory, "step-10"), join(directory, "step-99"));
    expect(await openStore().latest()).toBe(undefined);
    expect(warnings[0]).toMatch(/its manifest says step 10/);
  });
});

describe("a kill while saving", () => {
  it("leaves a hidden folder that is passed over and removed by the next save", async () => {
    const store = openStore();
    await store.save(10, contentOf(10));
    const leftover = join(directory, ".step-20");
    await mkdir(leftover);
    await writeFile(join(leftover, "policy.bin"), "half");
    expect((await store.latest())!.step).toBe(10);
    await store.save(20, contentOf(20));
    expect((await readdir(directory)).sort()).toEqual(["step-10", "step-20"]);
    expect((await store.latest())!.step).toBe(20);
    expect(warnings).toEqual([]);
  });

  it("leaves the earlier checkpoint when reading a tensor fails", async () => {
    const store = openStore();
    await store.save(10, contentOf(10));
    const failing = {
      async read(): Promise<HostTensor> {
        throw new Error("device lost");
      },
    };
    await expect(store.save(20, { tensors: { policy: { failing } }, state: null })).rejects.toThrow(
      "device lost",
    );
    expect((await store.latest())!.step).toBe(10);
  });
});

describe("content that cannot be kept exactly", () => {
  it("is refused with its place", async () => {
    const store = openStore();
    const save = (state: unknown, tensors: CheckpointContent["tensors"] = {}) =>
      store.save(1, { tensors, state });
    await expect(save({ controller: { kl: Number.NaN } })).rejects.toThrow('"kl" is NaN');
    await expect(save({ order: Int32Array.of(1) })).rejects.toThrow('"order" is a typed array');
    await expect(save(null, { "../policy": {} })).rejects.toThrow("names a file");
    await expect(save(null, { policy: { weight: float32([2], [1]) } })).rejects.toThrow(
      '"weight" has 1 elements, its shape 2',
    );
    expect(await store.latest()).toBe(undefined);
  });
});
