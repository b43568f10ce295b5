import { describe, expect, it } from "vitest";
import type { Episode } from "./episode.js";
import { type ExperienceSettings, makeExperience } from "./experience.js";

// Expected values: fixtures/nplus.py.

const settings: ExperienceSettings = {
  klCoefficient: 0.1,
  klEstimator: "k1",
  scoreClip: undefined,
  missingEosPenalty: 0,
  missingEosScore: -1,
  whitenRewards: false,
  gamma: 1,
  lambda: 0.95,
  whitenAdvantages: true,
  unbiasedVariance: false,
};

/** Of 5 tokens at most: one of 3 and one of 4, which ended, and one that did not. */
const lengths = [3, 5, 4];
const episodes = (stepAfterEnd: boolean): readonly Episode[] =>
  lengths.map((length) => ({
    promptIds: Int32Array.of(1),
    responseIds: new Int32Array(length),
    finished: length < 5,
    stepAfterEnd: stepAfterEnd && length < 5,
  }));

const judgements = (stepAfterEnd: boolean) => ({
  logProbs: [
    [-1, -2, -0.5],
    [-0.3, -1.2, -0.7, -2, -1.1],
    [-0.4, -0.9, -1.6, -0.2],
  ],
  referenceLogProbs: [
    [-1.5, -1, -0.25],
    [-0.6, -1, -1, -1.5, -1],
    [-0.5, -0.5, -2, -0.3],
  ],
  values: [
    [0.1, 0.2, 0.3, 0.4],
    [0.5, -0.1, 0.2, 0, 0.3],
    [-0.2, 0.1, 0.4, 0.6, -0.5],
  ].map((row, b) => row.slice(0, lengths[b]! + (stepAfterEnd && lengths[b]! < 5 ? 1 : 0))),
  scores: [1, 2, -0.5],
});

/** Absolute 1e-8, the digits that are printed. */
function expectRows(actual: readonly ArrayLike<number>[], expected: readonly (readonly number[])[]): void {
  expect(actual.map((row) => row.length)).toEqual(expected.map((row) => row.length));
  for (const [b, row] of expected.entries())
    for (const [t, value] of row.entries()) expect(actual[b]![t]).toBeCloseTo(value, 8);
}

describe("the score on the padding after the last token, as in N+", () => {
  it("gives the rewards, advantages and returns of N+", () => {
    const result = makeExperience(episodes(true), judgements(true), settings);
    expectRows(result.rewards, [
      [-0.05, 0.1, 0.025, 1],
      [-0.03, 0.02, -0.03, 0.05, -0.99],
      [-0.01, 0.04, -0.04, -0.01, -0.5],
    ]);
    expectRows(
      result.episodes.map(({ advantages }) => advantages),
      [
        [1.677716994, 1.668865511, 1.459533479],
        [-1.047645852, -0.293204261, -0.765814869, -0.529912553, -1.054984429],
        [0.333021539, -0.06662688, -0.553980987, -0.826967691],
      ],
    );
    expectRows(
      result.episodes.map(({ returns }) => returns),
      [
        [0.9672375, 1.06025, 0.995, 1],
        [-0.784206812, -0.78863875, -0.861725, -0.8755, -0.99],
        [-0.39428625, -0.409775, -0.4945, -0.51, -0.5],
      ],
    );
  });

  it("whitens rewards over these steps, too", () => {
    const result = makeExperience(episodes(true), judgements(true), { ...settings, whitenRewards: true });
    expectRows(
      result.episodes.map(({ advantages }) => advantages),
      [
        [1.671217682, 1.72731688, 1.577397979],
        [-0.819020035, -0.531907424, -0.800693637, -0.735440087, -1.056732683],
        [0.057722984, -0.138235912, -0.414165331, -0.537460415],
      ],
    );
    expectRows(
      result.episodes.map(({ returns }) => returns),
      [
        [2.52448891, 2.730495249, 2.547205035, 2.546442727],
        [-1.781121743, -1.838587128, -2.046491759, -2.123187145, -2.430309049],
        [-0.824407904, -0.894696356, -1.116098952, -1.149080187, -1.204877707],
      ],
    );
  });
});

describe("the score at the last token", () => {
  it("leaves no step after it", () => {
    const { rewards } = makeExperience(episodes(false), judgements(false), settings);
    // -0.1 (log p - log q), plus the score at the end; -1 where there is no end.
    expectRows(rewards, [
      [-0.05, 0.1, 1.025],
      [-0.03, 0.02, -0.03, 0.05, -0.99],
      [-0.01, 0.04, -0.04, -0.51],
    ]);
  });
});

describe("a response without an end", () => {
  it("loses the penalty, or gets another score; what is reported stays", () => {
    const lastReward = (changes: Partial<ExperienceSettings>) => {
      const given = { ...settings, missingEosScore: undefined, ...changes };
      const { rewards, metrics } = makeExperience(episodes(false), judgements(false), given);
      // (1 + 2 - 0.5) / 3
      expect(metrics["objective/score"]).toBeCloseTo(2.5 / 3, 12);
      return rewards[1]![4];
    };
    // 0.1 * 0.1 of KL at that token.
    expect(lastReward({})).toBeCloseTo(2.01, 12);
    expect(lastReward({ missingEosPenalty: 1 })).toBeCloseTo(1.01, 12);
    expect(lastReward({ missingEosScore: -1 })).toBeCloseTo(-0.99, 12);
    // Clipped before.
    expect(lastReward({ scoreClip: 0.5, missingEosPenalty: 1 })).toBeCloseTo(-0.49, 12);
  });
});

describe("whitening", () => {
  it("divides by N - 1 or by N", () => {
    const squares = (unbiasedVariance: boolean) =>
      makeExperience(episodes(false), judgements(false), { ...settings, unbiasedVariance })
        .episodes.flatMap(({ advantages }) => Array.from(advantages))
        .reduce((total, x) => total + x * x, 0);
    // Over 12 tokens, whose variance becomes 1.
    expect(squares(true)).toBeCloseTo(11, 6);
    expect(squares(false)).toBeCloseTo(12, 6);
  });
});

describe("estimates of the KL", () => {
  it("k3 stands beside k1", () => {
    const { metrics } = makeExperience(episodes(false), judgements(false), settings);
    // Differences log p - log q: .5 -1 -.25, .3 -.2 .3 -.5 -.1, .1 -.4 .4 .1; their sum over 3 episodes.
    expect(metrics["objective/kl"]).toBeCloseTo((-0.75 - 0.2 + 0.2) / 3, 12);
    // exp(-d) - 1 + d of each, the sum over 3: .106531+.718282+.034025, .040818+.021403+.040818+.148721+.005171,
    // .004837+.091825+.070320+.004837.
    expect(metrics["objective/kl_k3"]).toBeCloseTo(1.287588 / 3, 5);
    expect(metrics["objective/non_score_reward"]).toBeCloseTo(0.025, 12);
  });
});
