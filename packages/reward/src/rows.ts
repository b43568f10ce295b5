/**
 * Responses in rows: each in a row of its own, or several behind one copy of what they share.
 *
 * A decoder computes a token from those before it, so what several responses begin with, the prompt above all, is
 * computed once; each response then sees that and itself only, at the positions that it would have in a row of its own
 * (see `branchMask`). Scores and gradients are the same. What changes is the work: fewer tokens, but longer rows, and
 * attention computes a row's tokens against all of them.
 */
import { int32 } from "@alignkit/core";
import { bucketLength, roundingStep } from "@alignkit/data";
import type { ModelConfig } from "@alignkit/models";

/** The responses of one prompt, prompt in front: `[K]` rows of ids. */
export type Responses = readonly Int32Array[];

/** N responses in B rows of T tokens. */
export interface ResponseRows {
  /** B */
  readonly rows: number;
  /** T */
  readonly length: number;
  /** `[B, T]` */
  readonly inputIds: Int32Array;
  /** `[B, T]`; where the token stands in its own prompt and response, 0 at padding. */
  readonly positionIds: Int32Array;
  /**
   * `[B, T]`: 0 on what the responses of a row share, 1, 2 ... on the rest of each, -1 at padding; undefined where every
   * row is one response.
   */
  readonly branchIds: Int32Array | undefined;
  /** `[N]`: place of each response's last token, `b * T + t`, then zeros. */
  readonly lastTokens: Int32Array;
}

export interface RowSettings {
  /** Stands at padding; nothing looks at it, so it may be an id that means something. */
  readonly padTokenId: number;
  /** See `pad_to_multiple_of`. */
  readonly multipleOf: number | null;
  /** Whether sizes are rounded up to some that recur, because each set of sizes needs a graph of its own. */
  readonly fewSizes: boolean;
}

/**
 * @param perRow - how many responses of a prompt stand in a row at most; 1 for rows of their own
 */
export function layOutRows(
  prompts: readonly Responses[],
  perRow: number,
  settings: RowSettings,
): ResponseRows {
  const { padTokenId, multipleOf, fewSizes } = settings;
  const groups = prompts.flatMap((responses) => groupsOf(responses, perRow));
  const longest = Math.max(1, ...groups.map(rowLength));
  const length = bucketLength(longest, multipleOf ?? (fewSizes ? roundingStep(longest, 16) : 1));
  const rounded = (count: number) => (fewSizes ? bucketLength(count, roundingStep(count, 1)) : count);
  const rows = rounded(groups.length);
  const inputIds = new Int32Array(rows * length).fill(padTokenId);
  const positionIds = new Int32Array(rows * length);
  const branchIds = new Int32Array(rows * length).fill(-1);
  const lastTokens: number[] = [];
  for (const [row, { shared, responses }] of groups.entries()) {
    let place = row * length;
    const put = (ids: Int32Array, from: number, branch: number) => {
      inputIds.set(ids.subarray(from), place);
      branchIds.fill(branch, place, place + ids.length - from);
      for (let position = from; position < ids.length; position++) positionIds[place++] = position;
    };
    put((responses[0] as Int32Array).subarray(0, shared), 0, 0);
    for (const [index, ids] of responses.entries()) {
      put(ids, shared, index + 1);
      lastTokens.push(place - 1);
    }
  }
  const places = new Int32Array(rounded(lastTokens.length));
  places.set(lastTokens);
  return {
    rows,
    length,
    inputIds,
    positionIds,
    branchIds: perRow === 1 ? undefined : branchIds,
    lastTokens: places,
  };
}

/** Rows as arguments of a compiled function. */
export function rowTensors({ rows, length, inputIds, positionIds, branchIds, lastTokens }: ResponseRows) {
  const shape = [rows, length];
  return {
    rows: {
      inputIds: int32(inputIds, shape),
      positionIds: int32(positionIds, shape),
      ...(branchIds === undefined ? {} : { branchIds: int32(branchIds, shape) }),
    },
    lastTokens: int32(lastTokens, [lastTokens.length]),
  };
}

/** Responses in one row. */
interface Group {
  /** Tokens that stand once, in front. */
  readonly shared: number;
  readonly responses: Responses;
}

/** As many rows as needed, with as many responses each as can be alike. */
function groupsOf(responses: Responses, perRow: number): Group[] {
  if (perRow === 1) return responses.map((ids) => ({ shared: 0, responses: [ids] }));
  const count = Math.ceil(responses.length / perRow);
  return Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index * responses.length) / count);
    const own = responses.slice(from, Math.floor(((index + 1) * responses.length) / count));
    return { shared: sharedLength(own), responses: own };
  });
}

/** Tokens that all begin with; each keeps one of its own at least, the one whose score is read. */
function sharedLength(responses: Responses): number {
  const [first, ...others] = responses as [Int32Array, ...Int32Array[]];
  const most = Math.min(...responses.map((ids) => ids.length - 1));
  let length = 0;
  while (length < most && others.every((ids) => ids[length] === first[length])) length++;
  return length;
}

function rowLength({ shared, responses }: Group): number {
  return responses.reduce((total, ids) => total + ids.length - shared, shared);
}

/** How many responses of a prompt stand in a row: K, 1, or as many as make the least work. */
export function responsesPerRow(
  share: boolean | "auto",
  config: ModelConfig,
): (prompts: readonly Responses[]) => number {
  return (prompts) => {
    const most = Math.max(...prompts.map((responses) => responses.length));
    if (share !== "auto") return share ? most : 1;
    let best = { perRow: 1, work: estimatedWork(prompts, 1, config) };
    for (let perRow = 2; perRow <= most; perRow++) {
      const work = estimatedWork(prompts, perRow, config);
      if (work < best.work) best = { perRow, work };
    }
    return best.perRow;
  };
}

/**
 * Multiplications of one layer, padding included. An attention weight costs, beside its two products, as much as
 * `weightCost` of them: memory is read and written for it, by softmax and its gradient above all.
 */
function estimatedWork(prompts: readonly Responses[], perRow: number, config: ModelConfig): number {
  const { attention, hiddenSize, mlp } = config;
  const groups = prompts.flatMap((responses) => groupsOf(responses, perRow));
  const length = Math.max(...groups.map(rowLength));
  const width = attention.heads * attention.headDimension;
  const projections = 2 * width + 2 * attention.keyValueHeads * attention.headDimension;
  const matrices = hiddenSize * (projections + (mlp.kind === "gated" ? 3 : 2) * mlp.intermediateSize);
  return groups.length * length * (matrices + length * (2 * width + attention.heads * weightCost));
}

/** Fitted to times of forward and backward passes, K = 4 and 9, 32 to 512 tokens of prompt, on one CPU core. */
const weightCost = 200;
