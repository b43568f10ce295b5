/**
 * Logistic regression on the words and word pairs of a text: the judge, and the baseline of the reward model.
 *
 * It knows nothing of the language model and shares no weight with it.
 */
import type { Random } from "@alignkit/core";

export interface LabelledText {
  readonly text: string;
  readonly positive: boolean;
}

export interface Judge {
  /** Probability that the text is positive. */
  probability(text: string): number;
  /** Log-odds of the same. */
  score(text: string): number;
  /** Share of `text`'s words that stand in the vocabulary. */
  coverage(text: string): number;
}

export interface JudgeSettings {
  readonly epochs?: number;
  /** Step size of AdaGrad (Duchi et al. 2011). */
  readonly learningRate?: number;
  /** Weight of the squared weights, as share of the loss of one text. */
  readonly decay?: number;
  /** Features of fewer texts are left out. */
  readonly leastTexts?: number;
}

/** Lower-case words, with the apostrophe of `don't`, and the marks `!` and `?`. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[a-z]+(?:'[a-z]+)?|[!?]/g) ?? [];
}

/** Each word and each pair of neighbours once. */
function featuresOf(text: string): Set<string> {
  const words = wordsOf(text);
  const features = new Set(words);
  for (let index = 1; index < words.length; index++) features.add(`${words[index - 1]} ${words[index]}`);
  return features;
}

export function fitJudge(
  texts: readonly LabelledText[],
  random: Random,
  settings: JudgeSettings = {},
): Judge {
  const { epochs = 12, learningRate = 0.1, decay = 1e-4, leastTexts = 2 } = settings;

  // 1. The vocabulary
  const counts = new Map<string, number>();
  const featureSets = texts.map(({ text }) => featuresOf(text));
  for (const features of featureSets) {
    for (const feature of features) counts.set(feature, (counts.get(feature) ?? 0) + 1);
  }
  const indexOf = new Map<string, number>();
  for (const [feature, count] of counts) if (count >= leastTexts) indexOf.set(feature, indexOf.size);
  const indicesOf = (features: Iterable<string>): number[] =>
    [...features].flatMap((feature) => indexOf.get(feature) ?? []);

  // 2. AdaGrad, one text at a time; the bias is the last weight
  const bias = indexOf.size;
  const weights = new Float64Array(bias + 1);
  const squares = new Float64Array(bias + 1).fill(1e-8);
  const rows = featureSets.map((features) => [...indicesOf(features), bias]);
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const index of random.split(`epoch ${epoch}`).permutation(texts.length)) {
      const row = rows[index] as number[];
      const target = (texts[index] as LabelledText).positive ? 1 : 0;
      const error = sigmoid(total(row, weights)) - target;
      for (const feature of row) {
        const weight = weights[feature] as number;
        const gradient = error + (feature === bias ? 0 : decay * weight);
        const square = (squares[feature] as number) + gradient * gradient;
        squares[feature] = square;
        weights[feature] = weight - (learningRate * gradient) / Math.sqrt(square);
      }
    }
  }

  const score = (text: string) => total([...indicesOf(featuresOf(text)), bias], weights);
  return {
    score,
    probability: (text) => sigmoid(score(text)),
    coverage(text) {
      const words = wordsOf(text);
      return words.length === 0 ? 0 : words.filter((word) => indexOf.has(word)).length / words.length;
    },
  };
}

/** Share of texts on whose side the judge is. */
export function accuracyOf(judge: Judge, texts: readonly LabelledText[]): number {
  return texts.filter(({ text, positive }) => judge.score(text) > 0 === positive).length / texts.length;
}

function total(row: readonly number[], weights: Float64Array): number {
  let sum = 0;
  for (const feature of row) sum += weights[feature] as number;
  return sum;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
