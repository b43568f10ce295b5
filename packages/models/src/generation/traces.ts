/** Traces of a decoder's functions, which depend on its config alone: a generator made anew finds them. */
import type { TraceStore } from "@alignkit/core";
import type { ModelConfig } from "../config.js";

const known = new WeakMap<ModelConfig, Map<string, TraceStore>>();

/** Those of one function, which `name` tells from the others of the same config. */
export function tracesOf(config: ModelConfig, name: string): TraceStore {
  const ofConfig = known.get(config) ?? new Map<string, TraceStore>();
  known.set(config, ofConfig);
  const traces: TraceStore = ofConfig.get(name) ?? new Map();
  ofConfig.set(name, traces);
  return traces;
}
