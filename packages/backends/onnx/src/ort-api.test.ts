import { afterAll, describe, expect, it } from "vitest";
import { findLibrary } from "./library.js";
import { encodeModel, type Model } from "./model-proto.js";
import { loadOrtApi, NameList } from "./ort-api.js";

const api = loadOrtApi(findLibrary());
afterAll(() => api.dispose());

/** y = x w + b, with w external and b inline. */
const affine: Model = {
  nodes: [{ op: "Gemm", inputs: ["x", "w", "b"], outputs: ["y"], attributes: { transB: { int: 1 } } }],
  inputs: [{ name: "x", type: "float32", shape: ["rows", 3] }],
  outputs: [{ name: "y", type: "float32", shape: ["rows", 2] }],
  initializers: [
    { name: "w", type: "float32", shape: [2, 3] },
    { name: "b", type: "float32", shape: [2], data: new Float32Array([10, 20]) },
  ],
};

describe("findLibrary", () => {
  it("names the platform and the folder when there is no library", () => {
    expect(() => findLibrary("plan9", "mips")).toThrow(
      /no library for plan9-mips: looked for .*bin.napi-v6.plan9.mips/,
    );
  });
});

describe("loadOrtApi", () => {
  it("reads a version and the built providers", () => {
    expect(api.version).toMatch(/^1\.\d+\.\d+$/);
    expect(api.builtProviders).toContain("CPUExecutionProvider");
  });

  it("refuses a file that is no library", () => {
    expect(() => loadOrtApi(import.meta.filename)).toThrow(
      /cannot load ONNX Runtime from .*ort-api\.test\.ts/,
    );
  });

  it("runs a model over memory that is not copied, with symbolic sizes and external weights", async () => {
    const weights = new Float32Array([1, 2, 3, 4, 5, 6]);
    const w = api.createTensor(weights, "float32", [2, 3]);
    const session = await api.createSession(encodeModel(affine), {
      threads: 1,
      initializers: [{ name: "w", value: w, isReadable: false }],
    });
    const names = { inputNames: new NameList(["x"]), outputNames: new NameList(["y"]) };
    for (const rows of [1, 2]) {
      const x = new Float32Array(rows * 3).map((_, index) => index);
      const y = new Float32Array(rows * 2);
      const inputs = [api.createTensor(x, "float32", [rows, 3])];
      const outputs = [api.createTensor(y, "float32", [rows, 2])];
      await api.run(session, { ...names, inputs, outputs });
      // Row [0, 1, 2]: 0*1 + 1*2 + 2*3 + 10 = 18 and 0*4 + 1*5 + 2*6 + 20 = 37; row [3, 4, 5]: 26 + 10 and 62 + 20.
      expect([...y]).toEqual([18, 37, 36, 82].slice(0, rows * 2));
      y.fill(0);
      api.runSync(session, { ...names, inputs, outputs });
      expect(y[0]).toBe(18);
      for (const value of [...inputs, ...outputs]) api.releaseTensor(value);
    }
    api.releaseSession(session);
    api.releaseTensor(w);
  });

  it("reports what ONNX Runtime says when a model cannot be read", async () => {
    await expect(api.createSession(new Uint8Array([1, 2, 3]), { threads: 1 })).rejects.toThrow(
      /ONNX Runtime 1\.\d+\.\d+, CreateSession: .+/,
    );
  });

  it("reports what ONNX Runtime says when a run fails, in both forms", async () => {
    const model: Model = {
      ...affine,
      initializers: affine.initializers.map((entry) => ({
        ...entry,
        data: new Float32Array(entry.name === "w" ? 6 : 2),
      })),
    };
    const session = await api.createSession(encodeModel(model), { threads: 1 });
    const x = new Float32Array(4);
    const y = new Float32Array(2);
    const values = {
      inputNames: new NameList(["x"]),
      inputs: [api.createTensor(x, "float32", [1, 4])],
      outputNames: new NameList(["y"]),
      outputs: [api.createTensor(y, "float32", [1, 2])],
    };
    await expect(api.run(session, values)).rejects.toThrow(/Run: .*x.*/);
    expect(() => api.runSync(session, values)).toThrow(/Run: .*x.*/);
    api.releaseSession(session);
  });

  it("leaves the event loop alive during a run", async () => {
    const size = 1500;
    const square: Model = {
      nodes: [{ op: "MatMul", inputs: ["x", "x"], outputs: ["y"] }],
      inputs: [{ name: "x", type: "float32", shape: [size, size] }],
      outputs: [{ name: "y", type: "float32", shape: [size, size] }],
      initializers: [],
    };
    const session = await api.createSession(encodeModel(square), { threads: 1 });
    const x = new Float32Array(size * size).fill(1);
    const y = new Float32Array(size * size);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await api.run(session, {
      inputNames: new NameList(["x"]),
      inputs: [api.createTensor(x, "float32", [size, size])],
      outputNames: new NameList(["y"]),
      outputs: [api.createTensor(y, "float32", [size, size])],
    });
    clearInterval(timer);
    expect(y[0]).toBe(size);
    expect(ticks).toBeGreaterThan(3); // 6.75 GFLOP take 50 ms or more on one core
    api.releaseSession(session);
  });
});
