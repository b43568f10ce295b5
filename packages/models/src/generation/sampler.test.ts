import { createRandom } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { createSampler, type SamplerSettings } from "./sampler.js";
import { expandSamplingMasks, samplingMask } from "./sampling-mask.js";
import { tokenWeights } from "./weights.js";

/** Tokens that a sorted vocabulary would keep: the definition, by the plainest means. */
function keptTokens(
  logits: Float32Array,
  { temperature, topK = logits.length, topP = 1 }: SamplerSettings,
): Map<number, number> {
  const order = [...logits.keys()].sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b);
  const highest = logits[order[0] as number] as number;
  const weight = (id: number) => Math.exp(((logits[id] as number) - highest) / temperature);
  const byCount = order.slice(0, topK);
  const mass = byCount.reduce((sum, id) => sum + weight(id), 0);
  const kept: number[] = [];
  let sum = 0;
  for (const id of byCount) {
    if (sum >= topP * mass) break;
    kept.push(id);
    sum += weight(id);
  }
  return new Map(kept.sort((a, b) => a - b).map((id) => [id, weight(id) / sum]));
}

function randomLogits(length: number, deviation: number, seed: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length }, () => deviation * random.normal());
}

/** Weights at a temperature; 0 leaves the logits. */
const weighed = (logits: Float32Array, temperature: number) =>
  tokenWeights(logits.map((logit) => logit / (temperature || 1)));

describe("greedy", () => {
  it("takes the first of the largest, with the log-probability at temperature 1", () => {
    // log-sum-exp of (1, 3, 3, 0) is 3 + log(e^-2 + 2 + e^-3) = 3.7821...
    const { token, logProb } = createSampler(4, { temperature: 0 }).sample(
      weighed(Float32Array.of(1, 3, 3, 0), 0),
      0.9,
    );
    expect(token).toBe(1);
    expect(logProb).toBeCloseTo(-Math.log(Math.exp(-2) + 2 + Math.exp(-3)), 9);
  });
});

describe("temperature", () => {
  it("draws by inverse CDF in the order of ids", () => {
    // At temperature 2 the weights of (2 log 1, 2 log 3, 2 log 4) are 1, 3, 4 of 8.
    const logits = Float32Array.of(0, 2 * Math.log(3), 2 * Math.log(4));
    const sampler = createSampler(3, { temperature: 2 });
    const drawn = [0, 0.12, 0.13, 0.49, 0.51, 0.999].map((uniform) =>
      sampler.sample(weighed(logits, 2), uniform),
    );
    expect(drawn.map(({ token }) => token)).toEqual([0, 0, 1, 1, 2, 2]);
    expect(drawn[0]?.logProb).toBeCloseTo(Math.log(1 / 8), 6);
    expect(drawn[2]?.logProb).toBeCloseTo(Math.log(3 / 8), 6);
    expect(drawn[5]?.logProb).toBeCloseTo(Math.log(4 / 8), 6);
  });

  it("draws each token as often as its probability says", () => {
    const logits = randomLogits(7, 1, 1);
    const sampler = createSampler(7, { temperature: 0.8 });
    const probabilities = keptTokens(logits, { temperature: 0.8 });
    // Evenly spread uniforms: the share of a token is its probability to 1/5000.
    const counts = new Array<number>(7).fill(0);
    for (let n = 0; n < 5000; n++) {
      const { token } = sampler.sample(weighed(logits, 0.8), (n + 0.5) / 5000);
      counts[token] = (counts[token] as number) + 1;
    }
    for (const [token, count] of counts.entries()) {
      expect(Math.abs(count / 5000 - (probabilities.get(token) as number))).toBeLessThan(2.1 / 5000);
    }
  });
});

describe("top-k and top-p", () => {
  const settings: readonly SamplerSettings[] = [
    { temperature: 1, topK: 1 },
    { temperature: 0.7, topK: 50 },
    { temperature: 1, topK: 700 },
    { temperature: 1, topP: 0.1 },
    { temperature: 1.3, topP: 0.9 },
    { temperature: 1, topP: 0.999 },
    { temperature: 1, topK: 20, topP: 0.8 },
    { temperature: 1, topK: 900, topP: 0.5 },
  ];

  it.each(settings)("keeps what a full sort keeps: %o", (setting) => {
    const vocabulary = 1000;
    for (const [deviation, seed] of [
      [0.01, 5],
      [1, 6],
      [12, 7],
    ] as const) {
      // Divided by the temperature first, as a generator does: rounding may make equal what was not.
      const logits = randomLogits(vocabulary, deviation, seed).map((logit) => logit / setting.temperature);
      const expected = keptTokens(logits, { ...setting, temperature: 1 });
      const sampler = createSampler(vocabulary, setting);
      // The middle of each kept token's interval of the CDF draws that token.
      let before = 0;
      for (const [token, probability] of expected) {
        if (probability > 1e-9) {
          expect(sampler.sample(tokenWeights(logits), before + probability / 2).token).toBe(token);
        }
        before += probability;
      }
      expect(before).toBeCloseTo(1, 9);
    }
  });

  it("takes the smaller ids of equal logits", () => {
    const logits = Float32Array.of(1, 1, 1, 1, 1);
    const sampler = createSampler(5, { temperature: 1, topK: 3 });
    const tokens = [0.1, 0.5, 0.9].map((uniform) => sampler.sample(weighed(logits, 1), uniform).token);
    expect(tokens).toEqual([0, 1, 2]);
  });

  it("returns the log-probability of the distribution before the cut", () => {
    const logits = randomLogits(40, 2, 8);
    const { token, logProb } = createSampler(40, { temperature: 0.5, topK: 2, topP: 0.9 }).sample(
      weighed(logits, 0.5),
      0.99,
    );
    const whole = keptTokens(logits, { temperature: 0.5 });
    expect(logProb).toBeCloseTo(Math.log(whole.get(token) as number), 6);
  });
});

describe("recordMasks", () => {
  it.each([
    { temperature: 1, topK: 50 },
    { temperature: 0.7, topP: 0.9 },
    { temperature: 1, topK: 20, topP: 0.8 },
  ])("gives the kept tokens, and log-probabilities among them: %o", (setting) => {
    const logits = randomLogits(99, 1, 5);
    const expected = keptTokens(logits, setting);
    const { token, logProb, mask } = createSampler(99, { ...setting, recordMasks: true }).sample(
      weighed(logits, setting.temperature),
      0.4,
    );
    const kept = expandSamplingMasks([mask!], 99);
    expect([...kept.keys()].filter((id) => kept[id] === 1)).toEqual([...expected.keys()]);
    expect(logProb).toBeCloseTo(Math.log(expected.get(token) as number), 6);
  });

  it("allows every token in rows without a mask", () => {
    expect([...expandSamplingMasks([samplingMask(10, [0, 8])], 10, 2)]).toEqual([
      ...[1, 0, 0, 0, 0, 0, 0, 0, 1, 0],
      ...[1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    ]);
  });
});

describe("suppressed tokens", () => {
  it("are never drawn, and count in the log-probability", () => {
    const logits = () => Float32Array.of(50, 0, 0);
    for (const setting of [{ temperature: 0 }, { temperature: 1 }, { temperature: 1, topK: 2 }]) {
      const { token, logProb } = createSampler(3, setting).sample(
        weighed(logits(), setting.temperature),
        0.2,
        [0],
      );
      expect(token).toBe(1);
      expect(logProb).toBeCloseTo(-50, 6);
    }
  });
});

describe("what cannot be drawn from", () => {
  it("is refused", () => {
    const sampler = createSampler(2, { temperature: 1 });
    const draw =
      (...logits: number[]) =>
      () =>
        sampler.sample(weighed(Float32Array.from(logits), 1), 0.5);
    expect(draw(Number.NaN, Number.NaN)).toThrow("sum to 0; the model's weights are broken");
    expect(draw(Number.POSITIVE_INFINITY, 0)).toThrow("sum to NaN");
  });

  it("names all settings out of range", () => {
    expect(() =>
      createSampler(2, { temperature: -1, topK: 0, topP: 1.5 }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: sampler: temperature must be 0 (greedy) or positive, it is -1; topK must be a positive integer, it is 0; topP must be above 0 and at most 1, it is 1.5]`,
    );
  });
});
