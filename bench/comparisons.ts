/** What is compared with what, at which sizes, and what is aimed for. */
import type { ModelName } from "./alignkit/models.js";
import { chatLengths } from "./chat-lengths.js";

export type Side = "alignkit" | "torch";

/** The models: `135m` is the Llama twin of `124m`; `tiny` is for trying out. */
const models = {
  tiny: "gpt2-tiny",
  "5m": "gpt2-5m",
  "124m": "gpt2-124m",
  "135m": "llama-135m",
} as const satisfies Readonly<Record<string, ModelName>>;
export type ModelSize = keyof typeof models;
export const modelSizes = Object.keys(models) as readonly ModelSize[];
/** Without what is for trying out. */
export const measuredSizes = modelSizes.filter((size) => size !== "tiny");

/** A Llama cell is compared with its GPT-2 twin: at most this many times its ratio. */
export const twinOf: Partial<Readonly<Record<ModelSize, ModelSize>>> = { "135m": "124m" };
export const twinFactor = 1.15;

/** One side's way to do the work. */
export interface Contestant {
  readonly name: string;
  readonly side: Side;
  /** Of our side. */
  readonly backend?: string;
  /** Work item and its options, beside the sizes of the comparison. */
  readonly request: { readonly work: string; readonly [option: string]: unknown };
  /** Sizes at which it takes part with `--all` only, because another is stronger there. */
  readonly extraAt?: readonly ModelSize[];
}

/** A ratio to be printed: time of ours over time of the fastest of the peers that ran. */
export interface Pairing {
  readonly ours: string;
  readonly peers: readonly string[];
  /** At most this ratio is aimed for: everywhere, or by model. */
  readonly target?: number | Partial<Readonly<Record<ModelSize, number>>>;
  /** Where there is no peer: at most so many milliseconds. */
  readonly targetMilliseconds?: number;
  /** Peak memory of ours over that of the same peer, at most; nothing is aimed for unless given. */
  readonly memoryTarget?: number;
}

type Sizes = Readonly<Record<string, unknown>>;

export interface Comparison {
  /** `sft/124m`: names the row. */
  readonly id: string;
  readonly title: string;
  readonly kind: WorkKind;
  readonly size: ModelSize;
  readonly model: string;
  /** The same for all contestants. */
  readonly sizes: Sizes;
  readonly contestants: readonly Contestant[];
  readonly pairings: readonly Pairing[];
  /** Whether what is timed is a process of its own, of which the worker's memory says nothing. */
  readonly isCommand: boolean;
}

interface WorkDefinition {
  readonly title: string;
  /** By model; absent where the work is not compared. */
  readonly sizes: Partial<Readonly<Record<ModelSize, Sizes>>>;
  readonly contestants: readonly Contestant[];
  readonly pairings: readonly Pairing[];
  readonly isCommand?: boolean;
}

const contestant = (
  side: Side,
  name: string,
  options: Readonly<Record<string, unknown>> = {},
): Contestant => ({ name, side, request: { work: name, ...options } });

/** fp32 `F.linear` goes to MKL, `onednn` products to oneDNN: the second is the stronger one at 124M here. */
const withOneDnn = (work: string, extraAt: readonly ModelSize[] = []): readonly Contestant[] => [
  { ...contestant("torch", work), extraAt },
  { ...contestant("torch", work, { onednn: true }), name: `${work}, onednn` },
];

/** Steps come by thousands: what is compiled or put in order during the first hundred is of no weight then. */
const settled = { warmup: 20 };
/** The first answer, which is dropped, is enough where a run takes many seconds. */
const slow = { warmup: 0 };

const sft = (peers: readonly string[], strongest: number, usual: Pairing["target"]): readonly Pairing[] => [
  { ours: "sft", peers, target: strongest },
  { ours: "sft", peers: ["sft_step_hf"], ...(usual === undefined ? {} : { target: usual }) },
];

const trainingContestants = [
  contestant("alignkit", "sft"),
  ...withOneDnn("sft_step_nano"),
  contestant("torch", "sft_step_hf"),
];
const nanos = ["sft_step_nano", "sft_step_nano, onednn"];

const rewardWork = (k: number, pairsTarget: number): WorkDefinition => {
  const ranking = { batch: 1, prompts: 1, k, prompt: 32, response: 48 };
  return {
    title: `reward model on rankings, K = ${k}`,
    sizes: {
      tiny: { ...ranking, prompts: 4, prompt: 16, response: 16 },
      "5m": { ...ranking, prompts: 4 },
      "124m": ranking,
      "135m": ranking,
    },
    contestants: [
      contestant("alignkit", "reward"),
      ...withOneDnn("reward_kwise", ["124m", "135m"]),
      contestant("torch", "reward_trl"),
    ],
    pairings: [
      { ours: "reward", peers: ["reward_trl"], target: pairsTarget },
      { ours: "reward", peers: ["reward_kwise", "reward_kwise, onednn"], target: 0.75 },
    ],
  };
};

/** Rows end after a geometric number of tokens of mean `tokens / 2`, cut at `tokens`: its quantiles, mixed. */
function spreadEnds(rows: number, tokens: number): readonly number[] {
  const stay = 1 - 2 / tokens;
  return Array.from({ length: rows }, (_, row) => {
    const quantile = (((row * 7) % rows) + 0.5) / rows;
    return Math.min(tokens, Math.max(1, Math.ceil(Math.log(1 - quantile) / Math.log(stay))));
  });
}

function decoding(batch: number, tokens: number, ragged: boolean): Sizes {
  if (!ragged) return { batch, prompt: tokens, new: tokens };
  const least = tokens / 4;
  const lengths = Array.from({ length: batch }, (_, row) =>
    Math.round(least + ((tokens - least) * row) / (batch - 1)),
  );
  return { batch, prompt: tokens, new: tokens, lengths, ends: spreadEnds(batch, tokens) };
}

const generateWork = (ragged: boolean): WorkDefinition => ({
  title: ragged
    ? "decoding, prompts of 1/4 to all of the tokens, rows that end at spread places"
    : "decoding (temperature 1, no end token)",
  sizes: {
    tiny: decoding(4, 16, ragged),
    "5m": decoding(16, 64, ragged),
    "124m": decoding(16, 64, ragged),
    "135m": decoding(16, 64, ragged),
  },
  contestants: [
    contestant("alignkit", "generate"),
    contestant("torch", "generate_hf"),
    { ...contestant("alignkit", "generate", { anew: true }), name: "generate, weights anew" },
    contestant("torch", "generate_nano"),
  ],
  pairings: [
    { ours: "generate", peers: ["generate_hf"], target: ragged ? 0.25 : 0.4 },
    // Both prepare the weights within the time, as after a change of the policy.
    { ours: "generate, weights anew", peers: ["generate_nano"], target: 0.85 },
  ],
});

const ppoWork = (texts: boolean): WorkDefinition => {
  const iteration = { batch: 1, episodes: 32, prompt: 32, response: 48, minibatches: 8, texts };
  return {
    title: texts ? "an iteration of PPO-ptx, four models" : "an iteration of PPO, four models",
    sizes: {
      tiny: { ...iteration, episodes: 8, prompt: 8, response: 8, minibatches: 2 },
      "5m": iteration,
      "124m": { ...iteration, ...slow },
      "135m": { ...iteration, ...slow },
    },
    contestants: [contestant("alignkit", "ppo"), ...withOneDnn("ppo_iteration", ["124m", "135m"])],
    pairings: [{ ours: "ppo", peers: ["ppo_iteration", "ppo_iteration, onednn"], target: 0.7 }],
  };
};

const works = {
  sft: {
    title: "SFT step (forward, backward, clip, AdamW)",
    sizes: {
      tiny: { batch: 4, length: 32 },
      "5m": { batch: 16, length: 128 },
      "124m": { batch: 4, length: 128 },
      "135m": { batch: 4, length: 128 },
    },
    contestants: trainingContestants,
    pairings: sft(nanos, 0.9, { tiny: 0.8, "5m": 0.8, "124m": 0.75 }),
  },
  "sft-long": {
    title: "SFT step on long rows",
    sizes: {
      tiny: { batch: 2, length: 128 },
      "5m": { batch: 4, length: 512 },
      "124m": { batch: 2, length: 512 },
      "135m": { batch: 2, length: 512 },
    },
    contestants: trainingContestants,
    pairings: sft(nanos, 0.9, 0.8),
  },
  chats: {
    title: "SFT over chats, completions learned",
    sizes: {
      tiny: { batch: 4, row: 128, chats: chatLengths.slice(0, 8).map((pair) => pair.map(shortened)) },
      "5m": { batch: 8, row: 1024, chats: chatLengths },
      "124m": { batch: 4, row: 512, chats: chatLengths.slice(0, 8), ...slow },
      "135m": { batch: 4, row: 512, chats: chatLengths.slice(0, 8), ...slow },
    },
    contestants: [
      contestant("alignkit", "sft"),
      { ...contestant("torch", "sft_trl", { packing: true }), name: "sft_trl, packed" },
      contestant("torch", "sft_trl"),
    ],
    pairings: [
      { ours: "sft", peers: ["sft_trl, packed"], target: 0.7 },
      { ours: "sft", peers: ["sft_trl"], target: 0.45 },
    ],
  },
  "reward-9": rewardWork(9, 0.08),
  "reward-4": rewardWork(4, 0.25),
  score: {
    title: "scoring (log-probs of all tokens)",
    sizes: {
      tiny: { batch: 4, length: 32 },
      "5m": { batch: 16, length: 128 },
      "124m": { batch: 16, length: 128 },
      "135m": { batch: 16, length: 128 },
    },
    contestants: [
      contestant("alignkit", "score"),
      ...withOneDnn("score_nano"),
      contestant("torch", "score_hf"),
    ],
    pairings: [{ ours: "score", peers: ["score_nano", "score_nano, onednn", "score_hf"], target: 0.85 }],
  },
  generate: generateWork(false),
  "generate-ragged": generateWork(true),
  ppo: ppoWork(false),
  "ppo-ptx": ppoWork(true),
  start: {
    title: "starting (a new process each)",
    sizes: { tiny: { batch: 1 } },
    contestants: [
      contestant("alignkit", "help"),
      contestant("torch", "trl_help"),
      contestant("alignkit", "import"),
    ],
    pairings: [
      { ours: "help", peers: ["trl_help"], target: 1 },
      { ours: "import", peers: [], targetMilliseconds: 30 },
    ],
    isCommand: true,
  },
} as const satisfies Readonly<Record<string, WorkDefinition>>;

function shortened(tokens: number): number {
  return Math.max(1, Math.round(tokens / 8));
}

export type WorkKind = keyof typeof works;
export const workKinds = Object.keys(works) as readonly WorkKind[];

const onnx = "onnx";

/** What is aimed for on other backends than ONNX Runtime, for which it stands in the table above. */
const aims: Readonly<
  Record<
    string,
    {
      /** Time and memory over those of the strongest peer. */
      readonly besidePeers?: { readonly [K in WorkKind]?: Pick<Pairing, "target" | "memoryTarget"> };
      /** Time over that of the ONNX backend. */
      readonly besideOnnx: { readonly [K in WorkKind]?: number };
    }
  >
> = {
  tfjs: { besidePeers: { sft: { target: 1, memoryTarget: 1.6 } }, besideOnnx: { generate: 1.5 } },
  "tfjs:wasm": { besideOnnx: { sft: 6, generate: 6, score: 6 } },
};

/**
 * The comparisons of these kinds at these sizes; a command has no model and is always among them.
 * @param backends - of our side; with several of them each does the work, and the others are set beside the first
 */
export function comparisonsOf(
  kinds: readonly WorkKind[],
  sizes: readonly ModelSize[],
  backends: readonly string[] = [onnx],
): readonly Comparison[] {
  const all: Comparison[] = [];
  for (const size of modelSizes) {
    for (const kind of kinds) {
      const work: WorkDefinition = works[kind];
      const given = work.sizes[size];
      const isCommand = work.isCommand === true;
      if (given === undefined || !(isCommand || sizes.includes(size))) continue;
      const id = isCommand ? kind : `${kind}/${size}`;
      all.push({
        id,
        title: work.title,
        kind,
        size,
        model: models[size],
        sizes: size === "tiny" ? given : { ...settled, ...given },
        ...onBackends(work, kind, isCommand ? [onnx] : backends),
        isCommand,
      });
    }
  }
  return all;
}

/**
 * With what is aimed for on that backend.
 * @param isStrongest - whether its peers are the strongest, which the first pairing of a work has
 */
function aimedAt(backend: string, kind: WorkKind, pairing: Pairing, isStrongest: boolean): Pairing {
  if (backend === onnx) return { ...pairing, memoryTarget: 1 };
  const { target: _, ...rest } = pairing;
  return { ...rest, ...(isStrongest ? aims[backend]?.besidePeers?.[kind] : undefined) };
}

const nameOn = (backend: string, name: string): string => (backend === onnx ? name : `${name}, ${backend}`);

function onBackends(
  { contestants, pairings }: WorkDefinition,
  kind: WorkKind,
  backends: readonly string[],
): Pick<Comparison, "contestants" | "pairings"> {
  const [first = onnx, ...others] = backends;
  const mine = contestants.filter(({ side }) => side === "alignkit");
  return {
    contestants: contestants.flatMap((entry) =>
      entry.side === "torch"
        ? [entry]
        : backends.map((backend) => ({ ...entry, backend, name: nameOn(backend, entry.name) })),
    ),
    pairings: [
      ...backends.flatMap((backend) =>
        pairings.map((pairing, index) => ({
          ...aimedAt(backend, kind, pairing, index === 0),
          ours: nameOn(backend, pairing.ours),
        })),
      ),
      ...others.flatMap((backend) => {
        const target = first === onnx ? aims[backend]?.besideOnnx?.[kind] : undefined;
        return mine.map(({ name }) => ({
          ours: nameOn(backend, name),
          peers: [nameOn(first, name)],
          ...(target === undefined ? {} : { target }),
        }));
      }),
    ],
  };
}
