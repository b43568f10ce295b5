/** One run of the pipeline: SFT, the reward model, PPO and PPO-ptx, each from the same SFT model. */
import {
  type Backend,
  createLogger,
  createRegistry,
  type Pipeline,
  type PipelineResult,
  runPipeline,
} from "@alignkit/core";
import { ppo } from "@alignkit/ppo";
import { reward } from "@alignkit/reward";
import { sft } from "@alignkit/sft";
import type { Data, Inputs } from "./data.js";
import type { Settings } from "./settings.js";

export interface TrainOptions {
  readonly inputs: Inputs;
  readonly data: Data;
  readonly settings: Settings;
  readonly backend: Backend;
  readonly runDirectory: string;
  readonly seed: number;
  readonly print: (line: string) => void;
}

/** Finished stages of an earlier attempt are not run again. */
export function train({
  inputs,
  data,
  settings,
  backend,
  runDirectory,
  seed,
  print,
}: TrainOptions): Promise<PipelineResult> {
  const { files } = data;
  const fromSft = { init: "sft.policy", rewardModel: "reward.rewardModel" };
  const ppoConfig = { ...settings.ppo, prompt_files: [files.prompts] };
  const pipeline: Pipeline = {
    stages: [
      {
        use: "sft",
        config: {
          ...settings.sft,
          train_files: files.demonstrations,
          eval_files: files.heldOutDemonstrations,
          eval_on_start: true,
        },
        inputs: { init: { path: inputs.model } },
      },
      {
        use: "reward",
        config: {
          ...settings.reward,
          train_files: files.rankings,
          eval_files: files.heldOutRankings,
          demonstration_files: files.normalization,
        },
        inputs: { init: "sft.policy" },
      },
      { use: "ppo", config: ppoConfig, inputs: fromSft },
      {
        use: "ppo",
        as: "ppo_ptx",
        config: { ...ppoConfig, ...settings.ptx, ptx_files: [files.texts] },
        inputs: fromSft,
      },
    ],
  };
  return runPipeline(pipeline, {
    registry: createRegistry([sft(), reward(), ppo()]),
    backend,
    runDirectory,
    seed,
    resume: true,
    logger: createLogger((level, message) => {
      if (level !== "debug") print(`seed ${seed}, ${message}`);
    }),
    progress: {
      start(total, unit, label, initial = 0) {
        let done = initial;
        let last = "";
        print(`seed ${seed}, ${label}: ${total} ${unit}`);
        return {
          advance(count, note = "") {
            done += count;
            last = note;
            if (done % 10 === 0) print(`seed ${seed}, ${label}: ${done} of ${total} ${unit}, ${last}`);
          },
          done() {},
        };
      },
    },
  });
}
