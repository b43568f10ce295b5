/** What `--dry-run` prints. */
import { type Logger, planPipeline, resolveConfig, type StagePlan, type WiredPipeline } from "@alignkit/core";
import { stringify } from "yaml";
import type { BackendChoice } from "../options/backend-option.js";
import { formatBytes } from "../terminal/format.js";

export interface PlanOptions {
  readonly backend: BackendChoice;
  readonly seed: number;
  readonly runDirectory: string;
  readonly baseDirectory: string;
  readonly logger: Logger;
}

/** YAML: the config with every default, then for each stage its steps and memory. */
export async function describePlan(wired: WiredPipeline, options: PlanOptions): Promise<string> {
  const { backend, seed, runDirectory } = options;
  const plans = await planPipeline(wired, options);
  const config = {
    backend:
      Object.keys(backend.options).length === 0 ? backend.name : { name: backend.name, ...backend.options },
    output_dir: runDirectory,
    ...(resolveConfig(wired, seed) as object),
  };
  const plan = Object.fromEntries(plans.map(({ stage, plan }) => [stage, planOf(plan)]));
  return stringify({ config, plan }, { lineWidth: 0, aliasDuplicateObjects: false });
}

function planOf({ steps, memory, notes }: StagePlan): unknown {
  return {
    steps: steps ?? "unknown until an earlier stage has run",
    ...(memory === undefined ? {} : { memory: memoryOf(memory) }),
    ...(notes === undefined || notes.length === 0 ? {} : { notes }),
  };
}

function memoryOf(memory: Readonly<Record<string, number>>): Record<string, string> {
  const total = Object.values(memory).reduce((sum, bytes) => sum + bytes, 0);
  const entries = Object.entries({ ...memory, total }).map(([name, bytes]) => [name, formatBytes(bytes)]);
  return Object.fromEntries(entries);
}
