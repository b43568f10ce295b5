/**
 * Whether both sides do the same work: equal weights and tokens must give equal losses, gradient norms, log-probabilities
 * and most likely tokens.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom } from "@alignkit/core";
import { initializeParameters, writeModelDirectory } from "@alignkit/models";
import { type ModelName, modelConfig } from "./alignkit/models.js";
import { type Measurement, startWorker, type WorkerSettings } from "./worker-process.js";

interface Check {
  readonly label: string;
  /** Largest difference found, or Infinity where the results cannot be compared. */
  readonly difference: number;
  readonly limit: number;
}

/** Three steps: the second and third depend on the update. */
const steps = 3;

/** Nats, and units of the gradient norm over 1: float32 sums in another order. */
const lossLimit = 1e-4;
const normLimit = 1e-3;

/** @returns whether all checks passed */
export async function selftest(
  settings: WorkerSettings & { readonly python: string },
  say: (text: string) => void,
): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), "alignkit-bench-"));
  let failed = 0;
  const report = ({ label, difference, limit }: Check): void => {
    const isFine = difference <= limit;
    if (!isFine) failed++;
    say(`${isFine ? "ok  " : "FAIL"} ${label}: ${difference.toExponential(1)} (limit ${limit})`);
  };
  const ours = startWorker("alignkit", settings);
  const peers = startWorker("torch", settings);
  try {
    for (const model of ["gpt2-tiny", "gpt2-5m"] as const) {
      const weights = join(directory, model);
      await writeWeights(weights, model);
      const sizes = { model, directory: weights, batch: 3, warmup: 0 };

      // 1. Training
      const training = { ...sizes, length: 40 };
      const our = await repeat(() => ours.ask({ work: "sft_step", ...training }));
      for (const peer of [
        { work: "sft_step_nano" },
        { work: "sft_step_nano", onednn: true },
        { work: "sft_step_hf" },
      ]) {
        const their = await repeat(() => peers.ask({ ...peer, ...training }));
        const label = `${model} sft_step and ${describe(peer)}, ${steps} steps`;
        report({ label: `${label}, loss`, difference: largest(our, their, "loss"), limit: lossLimit });
        report({
          label: `${label}, gradient norm`,
          difference: largest(our, their, "grad_norm"),
          limit: normLimit,
        });
      }

      // 2. Scoring
      const scored = await ours.ask({ work: "score", ...training });
      for (const peer of [
        { work: "score_nano" },
        { work: "score_nano", onednn: true },
        { work: "score_hf" },
      ]) {
        const their = await peers.ask({ ...peer, ...training });
        const label = `${model} score and ${describe(peer)}, log-probs`;
        report({ label, difference: firstDifference(scored, their), limit: lossLimit });
      }

      // 3. Generation
      const generation = { ...sizes, prompt: 16, new: 24, greedy: true };
      const generated = await ours.ask({ work: "generate", ...generation });
      for (const work of ["generate_nano", "generate_hf"]) {
        const their = await peers.ask({ work, ...generation });
        report({
          label: `${model} generate and ${work}, tokens`,
          difference: firstDifference(generated, their),
          limit: 0,
        });
      }
    }
  } finally {
    await Promise.all([ours.close(), peers.close()]);
    await rm(directory, { recursive: true, force: true });
  }
  say(failed === 0 ? "all checks passed" : `${failed} failed`);
  return failed === 0;
}

/** Wider than as initialised, so that the most likely tokens stand out. */
const scale = 4;

async function writeWeights(directory: string, name: ModelName): Promise<void> {
  const config = modelConfig(name);
  const parameters = initializeParameters(config, "language_model", createRandom(1).split(name));
  for (const { data } of parameters.values()) {
    // Norm weights are 1 and biases 0; they stay.
    if (data[0] !== 1 && data[0] !== 0)
      for (const [index, value] of data.entries()) data[index] = scale * value;
  }
  await writeModelDirectory(directory, {
    config,
    head: "language_model",
    parameters,
    generationConfig: null,
  });
}

async function repeat(ask: () => Promise<Measurement>): Promise<readonly Measurement[]> {
  const results: Measurement[] = [];
  for (let step = 0; step < steps; step++) results.push(await ask());
  return results;
}

function largest(
  ours: readonly Measurement[],
  theirs: readonly Measurement[],
  figure: "loss" | "grad_norm",
): number {
  const differences = ours.map((our, step) =>
    Math.abs((our[figure] ?? NaN) - (theirs[step]?.[figure] ?? NaN)),
  );
  return Math.max(...differences.map((value) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value)));
}

function firstDifference({ first: ours = [] }: Measurement, { first: theirs = [] }: Measurement): number {
  if (ours.length === 0 || ours.length !== theirs.length) return Number.POSITIVE_INFINITY;
  return Math.max(...ours.map((value, index) => Math.abs(value - (theirs[index] as number))));
}

const describe = ({ work, onednn = false }: { readonly work: string; readonly onednn?: boolean }): string =>
  onednn ? `${work} (onednn)` : work;
