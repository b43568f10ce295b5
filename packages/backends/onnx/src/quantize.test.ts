import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { encodeModel, type Model } from "./model-proto.js";
import { blockSize, type QuantizedBits, quantizeMatrix, quantizeProducts } from "./quantize.js";

/** K = 37 is a block and 5 numbers of the next; N = 3. */
const inner = 37;
const outer = 3;
const rows = Float32Array.from(
  { length: outer * inner },
  (_, index) => Math.sin(1.3 * index) * (1 + (index % 7)),
);
/** The same as `[K, N]`. */
const columns = Float32Array.from(
  rows,
  (_, index) => rows[(index % outer) * inner + Math.floor(index / outer)] as number,
);

describe("quantizeMatrix", () => {
  it("has code 0 for the number farthest from 0, and rounds the others", () => {
    // Scale: -4 / -8 = 0.5. Codes: value / 0.5 + 8.
    const weight = Float32Array.of(-4, 3.4, 0.7, 0, 3.9);
    const { codes, scales } = quantizeMatrix(weight, { inner: 5, outer: 1, transposed: true, bits: 4 });
    expect([...scales]).toEqual([0.5]);
    // 0, 15 (14.8), 9 (9.4), 8, 15 (15.8, the last code); the first of two is the lower half; the rest is 8, which is 0.
    expect([...codes]).toEqual([0xf0, 0x89, 0x8f, ...new Array(13).fill(0x88)]);
    const eight = quantizeMatrix(weight, { inner: 5, outer: 1, transposed: true, bits: 8 });
    // Scale 4 / 128 = 1 / 32.
    expect([...eight.codes.slice(0, 6)]).toEqual([0, 237, 150, 128, 253, 128]);
  });

  it("gives the same for both orders of a matrix, and 0 for a block of zeros", () => {
    const given = { inner, outer, bits: 4 } as const;
    const lying = quantizeMatrix(columns, { ...given, transposed: false });
    expect(lying).toEqual(quantizeMatrix(rows, { ...given, transposed: true }));
    expect(lying.codes).toHaveLength(outer * 2 * (blockSize / 2));
    const zeros = quantizeMatrix(new Float32Array(4), { inner: 4, outer: 1, transposed: true, bits: 8 });
    expect([...zeros.scales]).toEqual([0]);
    expect(zeros.codes.every((code) => code === 128)).toBe(true);
  });
});

describe.each([8, 4] as const)("quantizeProducts in %i bits", (bits: QuantizedBits) => {
  /** Rows of the unit matrix times the weight: the weight itself, as the operator sees it. */
  async function weightSeen(model: Model): Promise<Float32Array> {
    const session = await InferenceSession.create(encodeModel(quantizeProducts(model, bits)));
    const unit = new Float32Array(inner * inner);
    for (let index = 0; index < inner; index++) unit[index * inner + index] = 1;
    const { y } = await session.run({ x: new Tensor("float32", unit, [inner, inner]) });
    await session.release();
    return y?.data as Float32Array;
  }
  const model = (transB: number, bias: boolean): Model => ({
    nodes: [
      {
        op: "Gemm",
        inputs: bias ? ["x", "w", "b"] : ["x", "w"],
        outputs: ["y"],
        attributes: { transA: { int: 0 }, transB: { int: transB } },
      },
    ],
    inputs: [{ name: "x", type: "float32", shape: [inner, inner] }],
    outputs: [{ name: "y", type: "float32", shape: [inner, outer] }],
    initializers: [
      transB === 1
        ? { name: "w", type: "float32", shape: [outer, inner], data: rows }
        : { name: "w", type: "float32", shape: [inner, outer], data: columns },
      ...(bias
        ? [{ name: "b", type: "float32", shape: [outer], data: Float32Array.of(1, 2, 3) } as const]
        : []),
    ],
  });

  it.each([0, 1])("keeps products within half a step, transB %i, with a bias or without", async (transB) => {
    const [plain, biased] = [await weightSeen(model(transB, false)), await weightSeen(model(transB, true))];
    // A scale is at most 7 / 2^(bits - 1); values up to one scale from the last code are cut off.
    const step = 7 / 2 ** (bits - 1);
    for (let index = 0; index < plain.length; index++) {
      expect(Math.abs((plain[index] as number) - (columns[index] as number))).toBeLessThan(1.01 * step);
      expect(biased[index]).toBeCloseTo((plain[index] as number) + 1 + (index % outer), 5);
    }
    const mean = plain.reduce((sum, value, index) => sum + Math.abs(value - (columns[index] as number)), 0);
    expect(mean / plain.length).toBeLessThan(0.3 * step);
  });

  it("leaves a matrix that is not a product's, and drops one that nothing reads any more", () => {
    const shared: Model = {
      ...model(1, false),
      nodes: [
        ...model(1, false).nodes,
        { op: "Gather", inputs: ["w", "ids"], outputs: ["rows"], attributes: { axis: { int: 0 } } },
      ],
    };
    const names = ({ initializers }: Model) => initializers.map(({ name }) => name);
    expect(names(quantizeProducts(model(1, false), bits))).toEqual([`w.q${bits}`, `w.q${bits}.scales`]);
    expect(names(quantizeProducts(shared, bits))).toEqual(["w", `w.q${bits}`, `w.q${bits}.scales`]);
    expect(quantizeProducts(shared, bits).nodes.map(({ op }) => op)).toEqual(["MatMulNBits", "Gather"]);
  });
});
