/** What is compared with what, at which sizes, and what is aimed for. */

export type Side = "alignkit" | "torch";

/** One side's way to do the work. */
export interface Contestant {
  readonly name: string;
  readonly side: Side;
  /** Of our side. */
  readonly backend?: string;
  /** Work item and its options, beside the sizes of the comparison. */
  readonly request: { readonly work: string; readonly [option: string]: unknown };
  /** Only with `--all`. */
  readonly isExtra?: boolean;
}

/** A ratio to be printed: time of ours over time of the fastest of the peers that ran. */
export interface Pairing {
  readonly ours: string;
  readonly peers: readonly string[];
  /** At most this ratio is aimed for. */
  readonly target?: number;
}

export interface Comparison {
  readonly title: string;
  readonly kind: WorkKind;
  readonly model: string;
  /** Sizes, the same for all contestants. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly contestants: readonly Contestant[];
  readonly pairings: readonly Pairing[];
}

type WorkDefinition = Pick<Comparison, "contestants" | "pairings"> & { readonly title: string };

const contestant = (
  side: Side,
  name: string,
  options: Readonly<Record<string, unknown>> = {},
): Contestant => ({
  name,
  side,
  request: { work: name, ...options },
});

/** The kinds of work. fp32 `F.linear` goes to MKL, `onednn` products to oneDNN; either may be the faster one. */
const works = {
  sft: {
    title: "SFT step (forward, backward, clip, AdamW)",
    contestants: [
      contestant("alignkit", "sft_step"),
      contestant("torch", "sft_step_nano"),
      { ...contestant("torch", "sft_step_nano", { onednn: true }), name: "sft_step_nano, onednn" },
      { ...contestant("torch", "sft_step_hf"), isExtra: true },
    ],
    pairings: [
      { ours: "sft_step", peers: ["sft_step_nano", "sft_step_nano, onednn"], target: 1 },
      { ours: "sft_step", peers: ["sft_step_hf"] },
    ],
  },
  generate: {
    title: "decoding (temperature 1, no end token)",
    contestants: [
      contestant("alignkit", "generate"),
      contestant("torch", "generate_hf"),
      { ...contestant("alignkit", "generate", { anew: true }), name: "generate, weights anew" },
      contestant("torch", "generate_nano"),
    ],
    pairings: [
      { ours: "generate", peers: ["generate_hf"], target: 0.5 },
      // Both prepare the weights within the time, as after a change of the policy.
      { ours: "generate, weights anew", peers: ["generate_nano"] },
    ],
  },
  score: {
    title: "scoring (log-probs of all tokens)",
    contestants: [
      contestant("alignkit", "score"),
      contestant("torch", "score_nano"),
      { ...contestant("torch", "score_nano", { onednn: true }), name: "score_nano, onednn" },
      contestant("torch", "score_hf"),
    ],
    pairings: [{ ours: "score", peers: ["score_nano", "score_nano, onednn", "score_hf"] }],
  },
} as const satisfies Readonly<Record<string, WorkDefinition>>;

export type WorkKind = keyof typeof works;
export const workKinds = Object.keys(works) as readonly WorkKind[];

const models = {
  "5m": { name: "gpt2-5m", trainingRows: 16 },
  "124m": { name: "gpt2-124m", trainingRows: 4 },
} as const;

export type ModelSize = keyof typeof models;
export const modelSizes = Object.keys(models) as readonly ModelSize[];

/** Sizes of each kind of work; training takes fewer rows of a larger model. */
const sizesOf: Readonly<Record<WorkKind, (trainingRows: number) => Readonly<Record<string, number>>>> = {
  sft: (trainingRows) => ({ batch: trainingRows, length: 128 }),
  generate: () => ({ batch: 16, prompt: 64, new: 64 }),
  score: () => ({ batch: 16, length: 128 }),
};

const onnx = "onnx";

/** What is aimed for on a backend: the targets of the table above, and time over time of the ONNX backend. */
const aims: Readonly<
  Record<
    string,
    {
      readonly besidePeers?: readonly WorkKind[];
      readonly besideOnnx?: { readonly [K in WorkKind]?: number };
    }
  >
> = {
  [onnx]: { besidePeers: workKinds },
  tfjs: { besidePeers: ["sft"], besideOnnx: { generate: 1.5 } },
  "tfjs:wasm": { besideOnnx: { sft: 6, generate: 6, score: 6 } },
};

/** @param backends - of our side; with several of them each does the work, and the others are set beside the first */
export function comparisonsOf(
  kinds: readonly WorkKind[],
  sizes: readonly ModelSize[],
  backends: readonly string[] = [onnx],
): readonly Comparison[] {
  return sizes.flatMap((size) =>
    kinds.map((kind): Comparison => {
      const { name, trainingRows } = models[size];
      const comparison = { title: works[kind].title, kind, model: name, sizes: sizesOf[kind](trainingRows) };
      return { ...comparison, ...onBackends(works[kind], kind, backends) };
    }),
  );
}

const nameOn = (backend: string, name: string): string => (backend === onnx ? name : `${name}, ${backend}`);

const pairing = (ours: string, peers: readonly string[], target: number | undefined): Pairing =>
  target === undefined ? { ours, peers } : { ours, peers, target };

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
        pairings.map(({ ours, peers, target }) =>
          pairing(
            nameOn(backend, ours),
            peers,
            aims[backend]?.besidePeers?.includes(kind) ? target : undefined,
          ),
        ),
      ),
      ...others.flatMap((backend) =>
        mine.map(({ name }) =>
          pairing(
            nameOn(backend, name),
            [nameOn(first, name)],
            first === onnx ? aims[backend]?.besideOnnx?.[kind] : undefined,
          ),
        ),
      ),
    ],
  };
}
