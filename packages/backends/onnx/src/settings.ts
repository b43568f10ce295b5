import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { ConfigError } from "@alignkit/core";

/** Where models run. */
export const providers = ["cpu", "webgpu", "cuda"] as const;
/** One of {@link providers}. */
export type ProviderName = (typeof providers)[number];

/** Where and with how many threads ONNX Runtime computes. */
export interface OnnxBackendOptions {
  /** `cpu` unless given; one that is not there is an error, never another in its place. */
  readonly provider?: ProviderName;
  /** Threads of one operator; the number of physical cores unless given. Results may differ in the last bits between numbers. */
  readonly threads?: number;
  /** Writes a profile of each model to `<prefix>_<time>.json`, for chrome://tracing. */
  readonly profilePrefix?: string;
}

/** Checks options as they come from a config. @throws {ConfigError} naming each option that is wrong */
export function parseOptions(given: Readonly<Record<string, unknown>>): OnnxBackendOptions {
  const problems: string[] = [];
  const { provider, threads, profilePrefix, ...unknown } = given;
  if (provider !== undefined && !providers.includes(provider as ProviderName)) {
    problems.push(`provider is "${String(provider)}"; give one of ${providers.join(", ")}`);
  }
  if (threads !== undefined && !(Number.isInteger(threads) && (threads as number) > 0)) {
    problems.push(`threads is ${String(threads)}; give a whole number of at least 1`);
  }
  if (profilePrefix !== undefined && typeof profilePrefix !== "string") {
    problems.push("profilePrefix must be a path");
  }
  for (const name of Object.keys(unknown)) problems.push(`${name} is not an option of the onnx backend`);
  if (problems.length > 0)
    throw new ConfigError(`onnx backend: ${problems.join("; ")}`, { details: { problems } });
  return given;
}

/** Cores that do not share their arithmetic units with another; on Linux as the kernel tells, elsewhere all that may be used. */
export function physicalCores(readCores: () => string = () => readFileSync("/proc/cpuinfo", "utf8")): number {
  const available = availableParallelism();
  let text: string;
  try {
    text = readCores();
  } catch {
    return available;
  }
  const cores = new Set<string>();
  for (const block of text.split("\n\n")) {
    const core = /^core id\s*:\s*(\d+)/m.exec(block)?.[1];
    const socket = /^physical id\s*:\s*(\d+)/m.exec(block)?.[1];
    if (core !== undefined) cores.add(`${socket}:${core}`);
  }
  return cores.size === 0 ? available : Math.min(cores.size, available);
}
