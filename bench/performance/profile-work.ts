/**
 * One piece of work, in this process: what it costs by the graph, and how long its parts take. Prints JSON.
 *
 *     node --conditions=@alignkit/source --import tsx bench/performance/profile-work.ts REQUEST ROUNDS MILLISECONDS
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { createRandom } from "@alignkit/core";
import { createSampler, tokenWeights } from "@alignkit/models";
import type { WorkRequest, WorkResult } from "../alignkit/item.js";
import { makers } from "../alignkit/makers.js";
import { modelConfig, withScratch } from "../alignkit/models.js";
import type { Effort } from "../measure.js";
import { median } from "../statistics.js";
import type { Costs } from "./costs.js";
import type { Part } from "./parts.js";
import { type NodeTime, readProfile, sumProfiles } from "./runtime-profile.js";
import { countingBackend, type RunTimes, timedBackend } from "./watched-backends.js";

/** Figures of one run. */
export interface WorkProfile {
  readonly request: WorkRequest;
  readonly tokens: number;
  readonly costs: Costs;
  /** Without a profile, the median of the rounds. */
  readonly milliseconds: number;
  /** What the work itself tells of its phases, without a profile. */
  readonly phases: Readonly<Record<string, number>>;
  /** With a profile. */
  readonly profiled: {
    readonly milliseconds: number;
    readonly byPart: Partial<Readonly<Record<Part, number>>>;
    /** Of the nodes of each part, if each took as long as the shortest one of its shapes. */
    readonly shortestByPart: Partial<Readonly<Record<Part, number>>>;
    /** The nodes of ONNX Runtime that take longest. */
    readonly longest: readonly NodeTime[];
  };
}

/** What a run costs, by a backend that only counts. */
export async function countWork(request: WorkRequest): Promise<Costs> {
  const probe = await createOnnxBackend();
  const counting = countingBackend(probe.supports, vocabularyOf(request));
  await probe.dispose();
  // PPO would see that ones are not the log-probabilities of what was drawn, if the reference were the policy.
  const item = await makerOf(request)(counting, { ...request, apart: true });
  await item.run();
  counting.takeCosts();
  await item.run();
  const costs = counting.takeCosts();
  await item.dispose();
  return costs;
}

const vocabularyOf = ({ model, changes }: WorkRequest) => modelConfig(model, changes).vocabularySize;

function makerOf({ work }: WorkRequest) {
  const make = makers[work];
  if (make === undefined) throw new RangeError(`work ${work} is unknown`);
  return make;
}

interface Timed {
  readonly results: readonly WorkResult[];
  readonly walls: readonly number[];
  /** Of all rounds. */
  readonly optimizer: number;
  /** When the rounds began, in milliseconds since 1970. */
  readonly since: number;
}

async function time(
  request: WorkRequest,
  { rounds, milliseconds }: Effort,
  profilePrefix?: string,
): Promise<Timed> {
  const backend = await createOnnxBackend(profilePrefix === undefined ? {} : { profilePrefix });
  const times: RunTimes = { optimizer: 0, model: 0 };
  const item = await makerOf(request)(timedBackend(backend, times), request);
  await item.run();
  // What is before this pause is told from what comes after it by the clock.
  await sleep(pauseMilliseconds);
  const since = Date.now() - pauseMilliseconds / 2;
  times.optimizer = 0;
  const walls: number[] = [];
  const results: WorkResult[] = [];
  const begun = performance.now();
  while (walls.length === 0 || (walls.length < rounds && performance.now() - begun < milliseconds)) {
    const started = performance.now();
    results.push(await item.run());
    walls.push(performance.now() - started);
  }
  const { optimizer } = times;
  await item.dispose();
  await backend.dispose();
  return { results, walls, optimizer, since };
}

const pauseMilliseconds = 200;

async function profileWork(request: WorkRequest, effort: Effort): Promise<WorkProfile> {
  const costs = await countWork(request);
  const plain = await time(request, effort);
  const [first = { tokens: 0 }] = plain.results;
  const drawn = typeof first.drawn === "number" ? first.drawn : 0;
  return withScratch(async (folder) => {
    const { walls, optimizer, since } = await time(request, effort, join(folder, "profile"));
    const rounds = walls.length;
    const { vocabularySize: vocabulary, maxPositions: positions } = modelConfig(
      request.model,
      request.changes,
    );
    const options = { since, vocabulary, positions };
    const { byPart: sums, byNode } = sumProfiles(
      (await readdir(folder)).map((file) => readProfile(join(folder, file), options)),
    );
    const byPart: Partial<Record<Part, number>> = {};
    for (const [part, sum] of Object.entries(sums) as [Part, number][]) byPart[part] = sum / rounds;
    const milliseconds = walls.reduce((total, wall) => total + wall, 0) / rounds;
    byPart.optimizer = (byPart.optimizer ?? 0) + optimizer / rounds;
    byPart.sampling = drawn === 0 ? 0 : samplingTime(request, drawn);
    const told = Object.values(byPart).reduce((total, part) => total + part, 0);
    byPart.host = Math.max(0, milliseconds - told);
    const shortestByPart: Partial<Record<Part, number>> = {};
    for (const { part, calls, shortest } of byNode) {
      shortestByPart[part] = (shortestByPart[part] ?? 0) + (calls * shortest) / rounds;
    }
    const longest = byNode.slice(0, 12).map((node) => ({
      ...node,
      milliseconds: node.milliseconds / rounds,
      calls: node.calls / rounds,
    }));
    return {
      request,
      tokens: first.tokens,
      costs,
      milliseconds: median(plain.walls),
      phases: phasesOf(plain.results),
      profiled: { milliseconds, byPart, shortestByPart, longest },
    };
  });
}

/** Figures that end in `_ms`, the median of the rounds. */
function phasesOf(results: readonly WorkResult[]): Readonly<Record<string, number>> {
  const names = Object.keys(results[0] ?? {}).filter((name) => name.endsWith("_ms"));
  return Object.fromEntries(
    names.map((name) => [
      name.slice(0, -"_ms".length),
      median(results.map((result) => Number(result[name]))),
    ]),
  );
}

/** Drawing so many tokens, from logits as they come. */
function samplingTime(request: WorkRequest, tokens: number): number {
  const vocabulary = vocabularyOf(request);
  const random = createRandom(0);
  const row = tokenWeights(Float32Array.from({ length: vocabulary }, () => random.normal()));
  const sampler = createSampler(vocabulary, { temperature: 1 });
  for (let draw = 0; draw < 100; draw++) sampler.sample(row, random.uniform());
  const started = performance.now();
  for (let draw = 0; draw < tokens; draw++) sampler.sample(row, random.uniform());
  return performance.now() - started;
}

if (process.argv[1] === import.meta.filename) {
  const [, , request = "{}", rounds = "5", milliseconds = "30000"] = process.argv;
  const effort = { rounds: Number(rounds), milliseconds: Number(milliseconds) };
  console.log(JSON.stringify(await profileWork(JSON.parse(request) as WorkRequest, effort)));
  process.exit();
}
