/** Episodes and texts as the graphs take them. */
import { bool, float32, type HostTensor, int32, type Tensor } from "@alignkit/core";
import { type Batch, collate, ignoredLabel } from "@alignkit/data";
import { expandSamplingMasks } from "@alignkit/models";
import type { Episode } from "./episode.js";

/** int32 `[B, T]` each. */
export interface TokenTensors {
  readonly inputIds: Tensor;
  readonly positionIds: Tensor;
}

/** The M tokens that are predicted: int32 rows `b * T + t` and next tokens, weights 1, and 0 at padding; `[M]` each. */
export interface TargetTensors {
  readonly rows: Tensor;
  readonly ids: Tensor;
  readonly weights: Tensor;
}

/** Sizes that differ from batch to batch; one graph serves all of them, where the backend can. */
export const freeAxes = {
  tokens: ["B", "T"],
  targets: ["M"],
  old: ["M"],
  allowed: ["M", null],
} as const;

export interface CollateSettings {
  /** Stands at padding, where nothing looks. */
  readonly padTokenId: number;
  /** Whether sizes are rounded up to a few, because each set of sizes needs a graph of its own. */
  readonly fewSizes: boolean;
}

/** Right-padded rows of prompt and response; the labels are the response tokens. */
export function collateEpisodes(episodes: readonly Episode[], settings: CollateSettings): Batch {
  const examples = episodes.map(({ promptIds, responseIds }) => ({
    inputIds: concatIds(promptIds, responseIds),
    labels: concatIds(new Int32Array(promptIds.length).fill(ignoredLabel), responseIds),
  }));
  return collate(examples, roundingOf(settings));
}

/** As {@link collateEpisodes}, with one more target where there is a step after the last token: the state it leads to. */
export function collateSteps(episodes: readonly Episode[], settings: CollateSettings): Batch {
  // Nothing looks at the token that is appended: it makes a target of the one before it.
  const after = Int32Array.of(settings.padTokenId);
  return collateEpisodes(
    episodes.map((episode) =>
      episode.stepAfterEnd === true
        ? { ...episode, responseIds: concatIds(episode.responseIds, after) }
        : episode,
    ),
    settings,
  );
}

/** Rows of text whose every token but the first is learned. */
export function collateTexts(texts: readonly Int32Array[], settings: CollateSettings): Batch {
  return collate(
    texts.map((inputIds) => ({ inputIds, labels: inputIds })),
    roundingOf(settings),
  );
}

function roundingOf({ padTokenId, fewSizes }: CollateSettings) {
  return fewSizes ? { padTokenId, buckets: 16, targetBuckets: 64 } : { padTokenId };
}

export function tokenTensors({ rows, length, inputIds, positionIds }: Batch): {
  readonly [K in keyof TokenTensors]: HostTensor;
} {
  return { inputIds: int32(inputIds, [rows, length]), positionIds: int32(positionIds, [rows, length]) };
}

export function targetTensors({ targetRows, targetIds, targetWeights }: Batch): {
  readonly [K in keyof TargetTensors]: HostTensor;
} {
  const shape = [targetRows.length];
  return {
    rows: int32(targetRows, shape),
    ids: int32(targetIds, shape),
    weights: float32(targetWeights, shape),
  };
}

/**
 * bool `[M, V]`: the tokens that could be drawn where each target stands; nothing where all could.
 * @param vocabularySize - V, of the model that looks at them; at least that of the policy
 */
export function allowedTensor(
  episodes: readonly Episode[],
  batch: Batch,
  vocabularySize: number,
): { readonly allowed?: HostTensor } {
  if (episodes.every(({ masks }) => masks === undefined)) return {};
  const masks = episodes.flatMap((episode) => episode.masks ?? []);
  const rows = batch.targetRows.length;
  return { allowed: bool(expandSamplingMasks(masks, vocabularySize, rows), [rows, vocabularySize]) };
}

/** One number per response token of all episodes, in the order of `batch.targetRows`, 0 at its padding; `[M]`. */
export function perToken(rows: readonly ArrayLike<number>[], batch: Batch): HostTensor {
  const flat = new Float32Array(batch.targetRows.length);
  let next = 0;
  for (const row of rows) {
    flat.set(row, next);
    next += row.length;
  }
  return float32(flat, [flat.length]);
}

/** The inverse of {@link perToken}. */
export function splitTokens(flat: ArrayLike<number>, lengths: readonly number[]): Float64Array[] {
  let next = 0;
  return lengths.map((length) => {
    const row = Float64Array.from({ length }, (_, t) => flat[next + t] as number);
    next += length;
    return row;
  });
}

function concatIds(a: Int32Array, b: Int32Array): Int32Array {
  const joined = new Int32Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

export function chunksOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
