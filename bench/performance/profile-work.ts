/**
 * One piece of work, in this process: what it costs by the graph, and how long its parts take. Prints JSON.
 *
 *     node --conditions=@alignkit/source --import tsx bench/performance/profile-work.ts REQUEST ROUNDS
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { createRandom } from "@alignkit/core";
import { createSampler, tokenWeights } from "@alignkit/models";
import type { WorkRequest } from "../alignkit/item.js";
import { makers } from "../alignkit/makers.js";
import { modelConfig, withScratch } from "../alignkit/models.js";
import { median } from "../statistics.js";
import type { Costs } from "./costs.js";
import type { Part } from "./parts.js";
import { readProfile, type SessionProfile } from "./runtime-profile.js";
import { countingBackend, type RunTimes, timedBackend } from "./watched-backends.js";

/** Figures of one run. */
export interface WorkProfile {
  readonly request: WorkRequest;
  readonly tokens: number;
  readonly costs: Costs;
  /** Without a profile, the median of the rounds. */
  readonly milliseconds: number;
  /** With a profile. */
  readonly profiled: {
    readonly milliseconds: number;
    readonly byPart: Partial<Readonly<Record<Part, number>>>;
    /** The nodes of ONNX Runtime that take longest. */
    readonly longest: SessionProfile["byNode"];
  };
}

/** What a run costs, by a backend that only counts. */
export async function countWork(request: WorkRequest): Promise<Costs> {
  const probe = await createOnnxBackend();
  const counting = countingBackend(probe.supports, vocabularyOf(request));
  await probe.dispose();
  const item = await makerOf(request)(counting, request);
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

async function time(request: WorkRequest, rounds: number, profilePrefix?: string) {
  const backend = await createOnnxBackend(profilePrefix === undefined ? {} : { profilePrefix });
  const times: RunTimes = { optimizer: 0, model: 0 };
  const item = await makerOf(request)(timedBackend(backend, times), request);
  const { tokens } = await item.run();
  times.optimizer = 0;
  times.model = 0;
  const walls: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    await item.run();
    walls.push(performance.now() - started);
  }
  const each = { optimizer: times.optimizer / rounds, model: times.model / rounds };
  await item.dispose();
  await backend.dispose();
  return { tokens, walls, times: each };
}

async function profileWork(request: WorkRequest, rounds: number): Promise<WorkProfile> {
  const costs = await countWork(request);
  const plain = await time(request, rounds);
  return withScratch(async (folder) => {
    const { walls, times } = await time(request, rounds, join(folder, "profile"));
    const byPart: Partial<Record<Part, number>> = {};
    const nodes: { what: string; part: Part; milliseconds: number }[] = [];
    let inNodes = 0;
    for (const file of await readdir(folder)) {
      const options = { calls: rounds + 1, last: rounds, vocabulary: vocabularyOf(request) };
      const profile = readProfile(join(folder, file), options);
      for (const [name, milliseconds] of Object.entries(profile?.byPart ?? {}) as [Part, number][]) {
        byPart[name] = (byPart[name] ?? 0) + milliseconds / rounds;
        inNodes += milliseconds / rounds;
      }
      for (const node of profile?.byNode ?? []) {
        nodes.push({ ...node, milliseconds: node.milliseconds / rounds });
      }
    }
    const milliseconds = walls.reduce((total, wall) => total + wall, 0) / rounds;
    const sampling = request.work === "generate" ? samplingTime(request, plain.tokens) : 0;
    byPart.optimizer = (byPart.optimizer ?? 0) + times.optimizer;
    byPart.sampling = sampling;
    byPart.host = Math.max(0, milliseconds - inNodes - times.optimizer - sampling);
    const longest = nodes.sort((a, b) => b.milliseconds - a.milliseconds).slice(0, 12);
    return {
      request,
      tokens: plain.tokens,
      costs,
      milliseconds: median(plain.walls),
      profiled: { milliseconds, byPart, longest },
    };
  });
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
  const [, , request = "{}", rounds = "5"] = process.argv;
  console.log(JSON.stringify(await profileWork(JSON.parse(request) as WorkRequest, Number(rounds))));
  process.exit();
}
