/** The whole way of InstructGPT in minutes, on data made here, as a pipeline of plugins. */
import { createRegistry, type RunPipelineOptions, runPipeline } from "@alignkit/core";
import { ppo } from "@alignkit/ppo";
import { reward } from "@alignkit/reward";
import { sft } from "@alignkit/sft";
import { resultsArtifact } from "./artifacts.js";
import { demoPipeline, fullSizes, quickSizes } from "./pipeline.js";
import { demo } from "./plugin.js";
import type { Results } from "./results.js";

export interface DemoOptions
  extends Pick<
    RunPipelineOptions,
    "backend" | "seed" | "signal" | "logger" | "progress" | "sinks" | "now" | "resume" | "packages" | "commit"
  > {
  /** The run directory. */
  readonly outputDirectory: string;
  /** The same way in seconds, with little of everything: a check that all works. Its numbers mean nothing. */
  readonly quick?: boolean | undefined;
}

/**
 * Makes a world, a base model, an SFT model, rankings, a reward model, PPO and PPO-ptx, and compares them.
 *
 * Everything lies in the run directory, data as files that the other verbs read; a run that was stopped goes on.
 * @throws {InterruptedError} when the signal fired; the run can be resumed
 */
export async function runDemo(options: DemoOptions): Promise<Results> {
  const { outputDirectory, quick = false, ...run } = options;
  const { artifacts } = await runPipeline(demoPipeline(quick ? quickSizes : fullSizes), {
    ...run,
    registry: createRegistry([sft(), reward(), ppo(), demo()]),
    runDirectory: outputDirectory,
    baseDirectory: outputDirectory,
  });
  return resultsArtifact.load(artifacts["evaluate.results"] as string);
}
