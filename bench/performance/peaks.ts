/** The machine's measured peaks: products of the sizes of a step and a large square one, and copies. */
import { startWorker, type WorkerSettings } from "../worker-process.js";

export interface MeasuredProduct {
  /** `[M, K] x [K, N]`. */
  readonly product: readonly [m: number, k: number, n: number];
  /** GFLOP a second by who computes, best of the rounds. */
  readonly rates: Readonly<Record<string, number>>;
}

export interface MeasuredPeaks {
  readonly products: readonly MeasuredProduct[];
  /** GB of weights a second where 16 rows go through many matrices, best of the rounds. */
  readonly fewRows: Readonly<Record<string, number>>;
  /** GB a second, read and written, best of the rounds. */
  readonly copies: Readonly<Record<string, number>>;
}

/** Those of a step of GPT-2 124M on 4 x 128 tokens, forward and backward; of 5M on 16 x 128; and a square one. */
const products: readonly MeasuredProduct["product"][] = [
  [2048, 2048, 2048],
  [512, 768, 2304],
  [512, 768, 3072],
  [512, 3072, 768],
  [768, 512, 3072],
  [512, 768, 50_257],
  [512, 50_257, 768],
  [768, 512, 50_257],
  [2048, 256, 1024],
  [2048, 256, 8192],
];
const copiedBytes = 2 ** 28;

/** Seconds of calls one after the other, as in a step; one call alone after a pause is slower by a third. */
const turn = 0.5;

interface Contestant {
  readonly name: string;
  readonly side: "alignkit" | "torch";
  readonly options: object;
}

export async function measurePeaks(
  settings: WorkerSettings,
  rounds: number,
  note: (text: string) => void,
): Promise<MeasuredPeaks> {
  const contestants: readonly Contestant[] = [
    { name: "ONNX Runtime", side: "alignkit", options: {} },
    ...(settings.python === null
      ? []
      : ([
          { name: "torch (MKL)", side: "torch", options: {} },
          { name: "torch (oneDNN)", side: "torch", options: { onednn: true } },
        ] as const)),
  ];
  const workers = await Promise.all(contestants.map(({ side }) => startWorker(side, settings)));
  const model = "gpt2-tiny";
  try {
    const measured: MeasuredProduct[] = [];
    for (const product of products) {
      const rates: Record<string, number> = {};
      for (let round = 0; round < rounds; round++) {
        for (const [index, { name, options }] of contestants.entries()) {
          const answer = await workers[index]!.ask({ work: "product", model, product, turn, ...options });
          rates[name] = Math.max(rates[name] ?? 0, Number(answer.flops) / (1e6 * answer.ms));
        }
      }
      measured.push({ product, rates });
      note(`${product.join(" x ")}: ${Object.values(rates).map(Math.round).join(", ")} GFLOP/s`);
    }
    const fewRows: Record<string, number> = {};
    for (let round = 0; round < rounds; round++) {
      for (const [index, { name, options }] of contestants.entries()) {
        const answer = await workers[index]!.ask({ work: "few_rows", model, turn, ...options });
        fewRows[name] = Math.max(fewRows[name] ?? 0, Number(answer.moved) / (1e6 * answer.ms));
      }
    }
    const copies: Record<string, number> = {};
    for (let round = 0; round < rounds; round++) {
      for (const [index, { side, options }] of contestants.entries()) {
        if ("onednn" in options) continue;
        const name = side === "alignkit" ? "Node, one thread" : "torch";
        const answer = await workers[index]!.ask({ work: "copy", model, bytes: copiedBytes });
        copies[name] = Math.max(copies[name] ?? 0, Number(answer.moved) / (1e6 * answer.ms));
      }
    }
    return { products: measured, fewRows, copies };
  } finally {
    await Promise.all(workers.map((worker) => worker.close()));
  }
}
