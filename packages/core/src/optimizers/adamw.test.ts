import { describe, expect, it } from "vitest";
import { type AdamWSettings, createOptimizer, float32, NonFiniteError, referenceBackend } from "../index.js";

const settings: AdamWSettings = {
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0,
  decays: () => true,
  epsilonForm: "pytorch",
  maxGradNorm: undefined,
};
const backend = referenceBackend({ precision: "float64" });

async function afterSteps(
  changes: Partial<AdamWSettings>,
  gradients: readonly number[],
  rate = 0.1,
): Promise<{ readonly parameter: number; readonly norms: number[] }> {
  const optimizer = await createOptimizer(backend, { ...settings, ...changes }, { w: float32([1], [1]) });
  const norms: number[] = [];
  for (const gradient of gradients)
    norms.push(await optimizer.apply({ w: await backend.upload(float32([gradient], [1])) }, rate));
  return { parameter: (await optimizer.parameters.w!.read()).data[0] as number, norms };
}

describe("AdamW", () => {
  it("moves by the learning rate in the first step, whatever the gradient", async () => {
    // m / (1 - b1) = g, sqrt(v / (1 - b2)) = |g|: 1 - 0.1 * g / |g|
    expect((await afterSteps({}, [0.5])).parameter).toBeCloseTo(0.9, 7);
    expect((await afterSteps({}, [-64])).parameter).toBeCloseTo(1.1, 7);
  });

  it("follows the moments in the second step", async () => {
    // g = 1, then 2: m = 0.1, then 0.29, over 1 - 0.81 = 1.5263158; v = 0.05, then 0.2475, over 1 - 0.9025 = 2.5384615.
    // 0.9 - 0.1 * 1.5263158 / sqrt(2.5384615) = 0.8042015
    expect((await afterSteps({}, [1, 2])).parameter).toBeCloseTo(
      0.9 - (0.1 * (0.29 / 0.19)) / Math.sqrt(0.2475 / 0.0975),
      6,
    );
  });

  it("decays decoupled from the gradient, and only where it may", async () => {
    // 1 - 0.1 * 0.5 * 1 - 0.1
    expect((await afterSteps({ weightDecay: 0.5 }, [1])).parameter).toBeCloseTo(0.85, 7);
    expect((await afterSteps({ weightDecay: 0.5, decays: () => false }, [1])).parameter).toBeCloseTo(0.9, 7);
  });

  it("has epsilon under the correction in the TensorFlow form", async () => {
    // Step 1, g = 0.01, eps = 0.01. PyTorch: 0.1 * 0.01 / (0.01 + 0.01) = 0.05.
    expect((await afterSteps({ epsilon: 0.01 }, [0.01])).parameter).toBeCloseTo(0.95, 6);
    // TensorFlow: 0.1 sqrt(0.05) / 0.1 * 0.001 / (0.01 sqrt(0.05) + 0.01) = 0.1 * 0.2236068 * 0.01 / 0.012236068 = 0.018274
    expect((await afterSteps({ epsilon: 0.01, epsilonForm: "tensorflow" }, [0.01])).parameter).toBeCloseTo(
      1 - 0.018274,
      5,
    );
  });

  it("clips by the global norm and reports the norm before", async () => {
    const optimizer = await createOptimizer(
      backend,
      { ...settings, maxGradNorm: 1 },
      { a: float32([0], [1]), b: float32([0], [1]) },
    );
    const upload = (value: number) => backend.upload(float32([value], [1]));
    expect(await optimizer.apply({ a: await upload(3), b: await upload(4) }, 0)).toBe(5);
    // m = 0.1 * g * 1 / (5 + 1e-6)
    const { m } = await optimizer.snapshot();
    expect(m.a!.data[0]).toBeCloseTo(0.06, 6);
    expect(m.b!.data[0]).toBeCloseTo(0.08, 6);
  });

  it("names the tensor and the step of a gradient that is not finite, and changes nothing", async () => {
    const optimizer = await createOptimizer(backend, settings, {
      a: float32([1], [1]),
      b: float32([2], [1]),
    });
    const apply = async (b: number) =>
      optimizer.apply(
        { a: await backend.upload(float32([1], [1])), b: await backend.upload(float32([b], [1])) },
        0.1,
      );
    await apply(1);
    const before = await optimizer.snapshot();
    await expect(apply(Number.NaN)).rejects.toThrowErrorMatchingInlineSnapshot(
      `[NonFiniteError: step 2: the gradient of b is not finite; lower the learning rate or the gradient norm limit, or look at the data of this step]`,
    );
    await expect(apply(Number.POSITIVE_INFINITY)).rejects.toBeInstanceOf(NonFiniteError);
    expect(await optimizer.snapshot()).toEqual(before);
  });

  it("goes on from a snapshot as if it had not stopped", async () => {
    const start = { w: float32([1, -2], [2]) };
    const gradient = (step: number) => backend.upload(float32([step, 1 / step], [2]));
    const whole = await createOptimizer(backend, settings, start);
    for (const step of [1, 2, 3, 4]) await whole.apply({ w: await gradient(step) }, 0.1);
    const first = await createOptimizer(backend, settings, start);
    for (const step of [1, 2]) await first.apply({ w: await gradient(step) }, 0.1);
    const second = await createOptimizer(backend, settings, await first.snapshot());
    for (const step of [3, 4]) await second.apply({ w: await gradient(step) }, 0.1);
    expect(await second.snapshot()).toEqual(await whole.snapshot());
  });
});
