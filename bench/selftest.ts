/**
 * Whether both sides do the same work: equal weights and tokens must give equal losses, gradient norms, log-probabilities,
 * most likely tokens, and figures of an iteration of PPO.
 */
import { join } from "node:path";
import { withScratch, writeRandomModel } from "./alignkit/models.js";
import { type Measurement, startWorker, type WorkerProcess, type WorkerSettings } from "./worker-process.js";

interface Check {
  readonly label: string;
  /** Largest difference found, or Infinity where the results cannot be compared. */
  readonly difference: number;
  readonly limit: number;
}

type Request = Parameters<WorkerProcess["ask"]>[0];

/** Three steps: the second and third depend on the update. */
const steps = 3;

/** Nats, and units of the gradient norm over 1: float32 sums in another order. */
const lossLimit = 1e-4;
const normLimit = 1e-3;
const limits: Readonly<Record<string, number>> = {
  loss: lossLimit,
  grad_norm: normLimit,
  kl: lossLimit,
  score: lossLimit,
  policy_loss: lossLimit,
  value_loss: lossLimit,
  text_loss: lossLimit,
  policy_grad_norm: normLimit,
  value_grad_norm: normLimit,
};

/** Wider than as initialised, so that the most likely tokens stand out. */
const widening = 4;

/** @returns whether all checks passed */
export async function selftest(
  settings: WorkerSettings & { readonly python: string },
  say: (text: string) => void,
): Promise<boolean> {
  let failed = 0;
  const report = ({ label, difference, limit }: Check): void => {
    const isFine = difference <= limit;
    if (!isFine) failed++;
    say(`${isFine ? "ok  " : "FAIL"} ${label}: ${difference.toExponential(1)} (limit ${limit})`);
  };
  const ours = await startWorker("alignkit", settings);
  const peers = await startWorker("torch", settings);
  /** The same requests to both, one after the other: figures of each answer. */
  const compare = async (our: Request, their: Request, figures: readonly string[], times = 1) => {
    const [own, other] = [await repeat(ours, our, times), await repeat(peers, their, times)];
    const label = `${our.model} ${our.work} and ${describe(their)}${times === 1 ? "" : `, ${times} steps`}`;
    for (const figure of figures) {
      const difference = largest(own, other, figure);
      report({ label: `${label}, ${figure}`, difference, limit: limits[figure] as number });
    }
  };
  const compareFirst = async (our: Request, their: Request, what: string, limit: number) => {
    const difference = firstDifference(await ours.ask(our), await peers.ask(their));
    report({ label: `${our.model} ${our.work} and ${describe(their)}, ${what}`, difference, limit });
  };

  try {
    await withScratch(async (folder) => {
      for (const model of ["gpt2-tiny", "llama-tiny", "gpt2-5m"] as const) {
        const [policy, reference, reward] = ["policy", "reference", "reward"].map((name) =>
          join(folder, model, name),
        ) as [string, string, string];
        await writeRandomModel(policy, model, "language_model", { seed: 1, widening });
        await writeRandomModel(reference, model, "language_model", { seed: 2 });
        await writeRandomModel(reward, model, "scalar", { seed: 3, widening });
        const sizes = { model, warmup: 0, batch: 3, directory: policy };

        // 1. Training on rows of equal length
        const training = { ...sizes, length: 40 };
        for (const peer of [
          { work: "sft_step_nano" },
          { work: "sft_step_nano", onednn: true },
          { work: "sft_step_hf" },
        ]) {
          // Each comparison begins with the weights as they were.
          const label = { comparison: `${describe(peer)}` };
          const our = { work: "sft", ...training, ...label };
          await compare(our, { ...peer, ...training }, ["loss", "grad_norm"], steps);
        }

        // 2. Training on chats; the trainer draws another order, so that all of them are one batch
        const chats = {
          ...sizes,
          row: 64,
          chats: [
            [5, 9],
            [12, 4],
            [3, 20],
          ],
        };
        await compare({ work: "sft", ...chats }, { work: "sft_trl", ...chats }, ["loss"]);
        const packed = { work: "sft_trl", ...chats, packing: true };
        await compare({ work: "sft", ...chats, comparison: "packed" }, packed, ["loss"]);

        // 3. Rankings
        const rankings = { ...sizes, directory: reward, prompts: 1, k: 4, prompt: 12, response: 9 };
        for (const peer of [{ work: "reward_kwise" }, { work: "reward_kwise", onednn: true }]) {
          const our = { work: "reward", ...rankings, comparison: describe(peer) };
          await compare(our, { ...peer, ...rankings }, ["loss", "grad_norm"], steps);
        }
        const trl = { work: "reward_trl", ...rankings };
        await compare({ work: "reward", ...rankings, comparison: "trl" }, trl, ["loss"]);

        // 4. Scoring
        for (const peer of [
          { work: "score_nano" },
          { work: "score_nano", onednn: true },
          { work: "score_hf" },
        ]) {
          await compareFirst(
            { work: "score", ...training },
            { ...peer, ...training },
            "log-probs",
            lossLimit,
          );
        }

        // 5. Generation, of equal prompts and of ragged ones
        const generation = { ...sizes, prompt: 16, new: 24, greedy: true };
        const ragged = { ...generation, lengths: [4, 16, 11] };
        for (const work of ["generate_nano", "generate_hf"]) {
          await compareFirst({ work: "generate", ...generation }, { work, ...generation }, "tokens", 0);
          await compareFirst({ work: "generate", ...ragged }, { work, ...ragged }, "tokens, ragged", 0);
          // Drawn tokens are not the same; where rows end is.
          const ends = { ...ragged, greedy: false, ends: [7, 24, 1] };
          const [our, their] = [
            await ours.ask({ work: "generate", ...ends }),
            await peers.ask({ work, ...ends }),
          ];
          report({
            label: `${model} generate and ${work}, ends`,
            difference: endsDifference(our, their),
            limit: 0,
          });
        }

        // 6. Iterations of PPO on our responses; the second depends on the updates of the first
        for (const texts of [false, true]) {
          const iteration = {
            model,
            warmup: 0,
            batch: 1,
            episodes: 6,
            prompt: 7,
            response: 11,
            // With one minibatch the order of the episodes does not matter.
            minibatches: 1,
            texts,
            directories: { policy, reference, reward },
          };
          const our = await repeat(ours, { work: "ppo", ...iteration }, 2);
          for (const onednn of [false, true]) {
            const responses = our.map(({ first = [] }) => rowsOf(first, iteration.response));
            const request = { work: "ppo_iteration", ...iteration, onednn, responses };
            const their = await repeat(peers, request, 2);
            for (const figure of Object.keys(limits)) {
              if (our[0]?.[figure] === undefined || figure === "loss") continue;
              report({
                label: `${model} ppo${texts ? " with texts" : ""} and ${describe(request)}, 2 iterations, ${figure}`,
                difference: largest(our, their, figure),
                limit: limits[figure] as number,
              });
            }
          }
        }
      }
    });
  } finally {
    await Promise.all([ours.close(), peers.close()]);
  }
  say(failed === 0 ? "all checks passed" : `${failed} failed`);
  return failed === 0;
}

async function repeat(
  worker: WorkerProcess,
  request: Request,
  times: number,
): Promise<readonly Measurement[]> {
  const results: Measurement[] = [];
  for (let step = 0; step < times; step++) results.push(await worker.ask(request));
  return results;
}

/** Absolute where figures are below 1, relative above. */
function largest(ours: readonly Measurement[], theirs: readonly Measurement[], figure: string): number {
  const differences = ours.map((our, step) => {
    const [own, other] = [Number(our[figure]), Number(theirs[step]?.[figure])];
    return Math.abs(own - other) / Math.max(1, Math.abs(other));
  });
  return Math.max(...differences.map((value) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value)));
}

function firstDifference({ first: ours = [] }: Measurement, { first: theirs = [] }: Measurement): number {
  if (ours.length === 0 || ours.length !== theirs.length) return Number.POSITIVE_INFINITY;
  return Math.max(...ours.map((value, index) => Math.abs(value - (theirs[index] as number))));
}

/** Of the places of end tokens, which are 0, in the responses one after the other. */
function endsDifference(ours: Measurement, theirs: Measurement): number {
  const places = ({ first = [] }: Measurement) =>
    first.flatMap((token, place) => (token === 0 ? place : [])).join();
  return places(ours) === places(theirs) ? 0 : 1;
}

function rowsOf(values: readonly number[], width: number): number[][] {
  return Array.from({ length: values.length / width }, (_, row) =>
    values.slice(row * width, (row + 1) * width),
  );
}

const describe = ({ work, onednn = false, packing = false }: Request): string =>
  `${work}${onednn === true ? " (onednn)" : ""}${packing === true ? " (packed)" : ""}`;
