/** The first steps of a stage on tfjs:wasm: the losses of the reference, and no tensor more from step to step. */
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTfjsBackend } from "@alignkit/backend-tfjs";
import { type Backend, createRegistry, referenceBackend, runPipeline } from "@alignkit/core";
import { sft } from "@alignkit/sft";
import type * as tfjs from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { metricsOf, sftTrajectory } from "./trajectories.js";

const steps = 6;
// The copy that the backend runs on; an import might be another one.
const tf: typeof tfjs = createRequire(import.meta.url)("@tensorflow/tfjs-core");

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "alignkit-tfjs-"));
  await sftTrajectory.writeRows(join(scratch, "rows.jsonl"));
});
afterAll(() => rm(scratch, { recursive: true }));

async function train(backend: Backend, onStep: () => void = () => {}) {
  const runDirectory = join(scratch, backend.name.replace(":", "-"));
  const stage = {
    use: "sft",
    config: { ...sftTrajectory.config, max_steps: steps, train_files: join(scratch, "rows.jsonl") },
    inputs: { init: { path: sftTrajectory.model } },
  };
  const sinks = [{ write: onStep, close() {} }];
  await runPipeline(
    { stages: [stage] },
    { registry: createRegistry([sft()]), backend, runDirectory, seed: 0, sinks },
  );
  await backend.dispose();
  return metricsOf(runDirectory);
}

it("sft learns on tfjs:wasm as on the reference", async () => {
  const wanted = await train(referenceBackend());
  const backend = await createTfjsBackend({ provider: "wasm" });
  const held: number[] = [];
  const got = await train(backend, () => held.push(tf.memory().numTensors));

  expect(got.length).toBe(steps);
  for (const [index, { loss, grad_norm }] of wanted.entries()) {
    // float32 throughout: sums are rounded in another order, and the difference grows along the trajectory.
    expect(Math.abs(got[index]!.loss! - loss!), `loss of step ${index + 1}`).toBeLessThan(2e-5);
    expect(Math.abs(got[index]!.grad_norm! - grad_norm!)).toBeLessThan(1e-3 * grad_norm!);
  }
  expect(wanted.at(-1)!.loss).toBeLessThan(wanted[0]!.loss!);
  expect(held).toEqual(Array(steps).fill(held[0]));
  expect(tf.memory().numTensors).toBe(0);
});
