/**
 * Kills and interrupts runs of each stage at random moments, and damages their checkpoints; each run must end with the
 * bytes of one that nothing happened to.
 *
 *   node --conditions=@alignkit/source --import tsx scripts/kill-test.ts [--seed 1] [--times 10] [--stages sft,reward,ppo]
 *
 * Prints what it did. Ends with 1 if any run ended otherwise.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { createRandom, type Random } from "@alignkit/core";
import {
  attempt,
  commands,
  damageEach,
  outcome,
  type Stage,
  type Strike,
  survive,
  writeData,
} from "../test/survival.js";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    times: { type: "string", default: "10" },
    stages: { type: "string", default: Object.keys(commands).join(",") },
  },
});
const random = createRandom(Number(values.seed));
const times = Number(values.times);
const stages = values.stages.split(",") as Stage[];

const steps = { sft: 12, reward: 12, ppo: 10 } as const;

/** A moment of a whole run: mostly between or in steps, sometimes at the start or in the middle of writing. */
function randomStrike(stage: Stage, signal: Strike["signal"], from: Random): Strike {
  const kind = from.integer(10);
  if (kind === 0) return { signal, moment: { kind: "start", milliseconds: from.integer(2000) } };
  if (kind === 1) return { signal, moment: { kind: "writing", what: "model" } };
  if (kind <= 3) return { signal, moment: { kind: "writing", what: "checkpoint" } };
  const step = 1 + from.integer(steps[stage]);
  return { signal, moment: { kind: "step", step, milliseconds: from.integer(40) } };
}

const folder = await mkdtemp(join(tmpdir(), "alignkit-kill-test-"));
await writeData(folder);
let failures = 0;

async function judge(run: string, story: string, whole: unknown): Promise<void> {
  const equal = isDeepStrictEqual(await outcome(folder, run), whole);
  if (!equal) failures += 1;
  console.log(`${run}: ${story}: ${equal ? "equal" : `DIFFERENT, see ${join(folder, run)}`}`);
  if (equal) await rm(join(folder, run), { recursive: true });
}

/** A run that was stopped with two checkpoints; on a busy machine the signal may come too late. */
async function stopHalfway(stage: Stage, run: string): Promise<void> {
  const moment = { kind: "step", step: Math.ceil(steps[stage] / 2), milliseconds: 0 } as const;
  for (let time = 1; time <= 5; time++) {
    const strike = { signal: "SIGINT", moment } as const;
    const { code } = await attempt(stage, folder, run, { resume: false, strike });
    if (code === 130) return;
    await rm(join(folder, run), { recursive: true });
  }
  throw new Error(`${run}: could not be stopped in five attempts`);
}

for (const stage of stages) {
  await survive(stage, folder, `${stage}-whole`, []);
  const whole = await outcome(folder, `${stage}-whole`);

  for (const [name, signal] of [
    ["kill", "SIGKILL"],
    ["stop", "SIGINT"],
  ] as const) {
    for (let time = 1; time <= times; time++) {
      const run = `${stage}-${name}-${time}`;
      const from = random.split(run);
      // Every third run is struck a second time after it was resumed.
      const strikes = [randomStrike(stage, signal, from.split("first"))];
      if (time % 3 === 0) strikes.push(randomStrike(stage, signal, from.split("second")));
      const story = await survive(stage, folder, run, strikes);
      await judge(run, story, whole);
    }
  }

  // Stopped with two checkpoints, of which the newest is damaged, a file at a time.
  const stopped = `${stage}-damage`;
  await stopHalfway(stage, stopped);
  for await (const { damage, run, step, before } of damageEach(stage, folder, stopped, random)) {
    const { kind, file, offset } = damage;
    const { code, stderr } = await attempt(stage, folder, run, { resume: true });
    const refused = stderr.includes(`checkpoint of step ${step} is not used: `) && stderr.includes(file);
    const resumed = stderr.includes(`resumes after step ${before}`);
    if (code !== 0 || !refused || !resumed) {
      failures += 1;
      console.log(`${run}: WRONG, ended with ${code}:\n${stderr}`);
    } else
      await judge(run, `${file} ${kind} at ${offset}, refused by name, went on from step ${before}`, whole);
  }
}

console.log(
  failures === 0 ? "all ended with the same bytes" : `${failures} did not; everything is in ${folder}`,
);
if (failures === 0) await rm(folder, { recursive: true });
process.exitCode = failures === 0 ? 0 : 1;
