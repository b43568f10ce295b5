import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { type AlignkitError, InterruptedError } from "./errors.js";
import { walking } from "./fixtures/walk-stage.js";
import { createLogger, silentLogger } from "./logger.js";
import { planPipeline, type RunPipelineOptions, runPipeline } from "./pipeline.js";
import { definePlugin } from "./plugin.js";
import { referenceBackend } from "./reference.js";
import { createRegistry } from "./registry.js";
import { acquireLock } from "./run-lock.js";
import { defineStage } from "./stage.js";
import type { MetricsRecord } from "./tracker.js";
import { checkWiring, type Pipeline } from "./wiring.js";

let root: string;
let messages: string[];
let options: RunPipelineOptions;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "alignkit-pipeline-"));
  messages = [];
  options = {
    registry: createRegistry([walking()]),
    backend: referenceBackend(),
    runDirectory: join(root, "run"),
    seed: 7,
    baseDirectory: root,
    logger: createLogger((level, message) => messages.push(`${level} ${message}`)),
  };
});
afterEach(() => rm(root, { recursive: true, force: true }));

const pipeline: Pipeline = {
  stages: [{ use: "walk", config: { steps: 11, saveEvery: 3 } }, { use: "measure" }],
};

const readPoint = (run: string) => readFile(join(root, run, "artifacts", "walk.point", "point.bin"));
const readJson = async (...path: string[]) => JSON.parse(await readFile(join(root, ...path), "utf8"));
const readMetrics = async (run: string) =>
  (await readFile(join(root, run, "metrics.jsonl"), "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Fires after `count` lines were logged. */
function interruptAfter(count: number) {
  const controller = new AbortController();
  const records: MetricsRecord[] = [];
  const sink = {
    write(record: MetricsRecord) {
      records.push(record);
      if (records.length === count) controller.abort();
    },
    close() {},
  };
  return { signal: controller.signal, sinks: [sink] };
}

describe("runPipeline", () => {
  it("runs the stages and leaves a run directory", async () => {
    const result = await runPipeline(pipeline, options);
    expect(result.artifacts).toEqual({
      "walk.point": join(root, "run", "artifacts", "walk.point"),
      "walk.length": join(root, "run", "artifacts", "walk.length"),
      "measure.doubled": join(root, "run", "artifacts", "measure.doubled"),
    });
    expect((await readdir(join(root, "run"))).sort()).toEqual([
      "artifacts",
      "config.json",
      "environment.json",
      "metrics.jsonl",
      "stages",
      "state.json",
    ]);
    expect(await readJson("run", "config.json")).toEqual({
      seed: 7,
      stages: [
        { use: "walk", as: "walk", config: { steps: 11, stride: 0.1, saveEvery: 3 }, inputs: {} },
        { use: "measure", as: "measure", config: {}, inputs: { start: "walk.point", length: "walk.length" } },
      ],
    });
    expect(await readJson("run", "environment.json")).toMatchObject({
      node: process.version,
      backend: "reference",
    });
    expect(await readJson("run", "state.json")).toEqual({ version: 1, finished: ["walk", "measure"] });
    const point = new Float32Array(new Uint8Array(await readPoint("run")).buffer);
    const length = Math.hypot(...point);
    expect(length).toBeGreaterThan(0);
    expect(await readJson("run", "artifacts", "measure.doubled", "length.json")).toBe(2 * length);
    const metrics = await readMetrics("run");
    expect(metrics.map((line) => line.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(metrics[10]).toEqual({ stage: "walk", step: 11, "walk/height": point[0] });
  });

  it("gives the same bytes for the same seed, others for another", async () => {
    await runPipeline(pipeline, options);
    await runPipeline(pipeline, { ...options, runDirectory: join(root, "again") });
    await runPipeline(pipeline, { ...options, runDirectory: join(root, "other"), seed: 8 });
    expect(await readPoint("again")).toEqual(await readPoint("run"));
    expect(await readPoint("other")).not.toEqual(await readPoint("run"));
  });

  it("gives two stages of one definition different random numbers", async () => {
    const from = {
      stages: [{ use: "walk" }, { use: "walk", as: "second", inputs: { point: { path: "." } } }],
    };
    await writeFile(join(root, "point.bin"), new Float32Array(5));
    await runPipeline(from, options);
    const second = await readFile(join(root, "run", "artifacts", "second.point", "point.bin"));
    expect(second).not.toEqual(await readPoint("run"));
  });

  it("does not run a finished stage again, and goes on with the next", async () => {
    await runPipeline(pipeline, options);
    const before = await readMetrics("run");
    await writeFile(join(root, "run", "state.json"), JSON.stringify({ version: 1, finished: ["walk"] }));
    await rm(join(root, "run", "artifacts", "measure.doubled"), { recursive: true });
    messages = [];
    await runPipeline(pipeline, { ...options, resume: true });
    expect(messages).toEqual(["info walk: finished before; not run again"]);
    expect(await readMetrics("run")).toEqual(before);
    expect(await readdir(join(root, "run", "artifacts", "measure.doubled"))).toEqual(["length.json"]);
  });

  it("takes inputs from outside by path", async () => {
    await runPipeline(pipeline, options);
    await cp(join(root, "run", "artifacts", "walk.point"), join(root, "point"), { recursive: true });
    const from: Pipeline = {
      stages: [{ use: "walk", as: "further", config: { steps: 1 }, inputs: { point: { path: "point" } } }],
    };
    await runPipeline(from, { ...options, runDirectory: join(root, "further") });
    const start = new Float32Array(new Uint8Array(await readPoint("run")).buffer);
    const bytes = await readFile(join(root, "further", "artifacts", "further.point", "point.bin"));
    const end = new Float32Array(new Uint8Array(bytes).buffer);
    // One step of 0.1 times a normal number.
    for (const [axis, value] of end.entries()) expect(Math.abs(value - start[axis]!)).toBeLessThan(0.5);
  });

  it("names a wrong input from outside before any work", async () => {
    await mkdir(join(root, "empty"));
    const from: Pipeline = { stages: [{ use: "walk", inputs: { point: { path: "empty" } } }] };
    await expect(runPipeline(from, options)).rejects.toThrow("has no point.bin");
    expect(await readdir(root)).toEqual(["empty"]);
  });

  it("names an output that a stage did not return", async () => {
    const forgetful = defineStage({
      name: "forgetful",
      description: "",
      config: z.object({}),
      consumes: {},
      produces: walking().stages![0]!.produces,
      run: async () => ({}) as never,
    });
    const registry = createRegistry([definePlugin({ name: "forgetful", stages: [forgetful] })]);
    await expect(runPipeline({ stages: [{ use: "forgetful" }] }, { ...options, registry })).rejects.toThrow(
      'stage "forgetful" ended without its output "point"',
    );
  });
});

describe("a run that was stopped", () => {
  it("by its signal goes on to the same bytes, with each step once", async () => {
    await runPipeline(pipeline, { ...options, runDirectory: join(root, "whole") });
    for (const count of [1, 5]) {
      const stopped = runPipeline(pipeline, { ...options, resume: true, ...interruptAfter(count) });
      await expect(stopped).rejects.toThrow(InterruptedError);
    }
    // Stopped after step 1, then after five more.
    expect(await readdir(join(root, "run", "stages", "walk", "checkpoints"))).toContain("step-6");
    await runPipeline(pipeline, { ...options, resume: true });
    expect(messages).toContain("info walk: resumes after step 6");
    expect(await readPoint("run")).toEqual(await readPoint("whole"));
    expect(await readMetrics("run")).toEqual(await readMetrics("whole"));
  });

  it("before a stage began says so", async () => {
    const { signal } = interruptAfter(0);
    const aborted = AbortSignal.abort();
    expect(signal.aborted).toBe(false);
    await expect(runPipeline(pipeline, { ...options, signal: aborted })).rejects.toThrow(
      'interrupted before stage "walk"',
    );
  });

  it("by SIGKILL goes on to the same bytes, with each step once", async () => {
    await runPipeline({ stages: [pipeline.stages[0]!] }, { ...options, runDirectory: join(root, "whole") });
    const script = fileURLToPath(new URL("fixtures/run-walk.ts", import.meta.url));
    const walk = (killAt: number) =>
      spawnSync(
        process.execPath,
        ["--conditions=@alignkit/source", "--import", "tsx", script, join(root, "run"), String(killAt)],
        { encoding: "utf8" },
      );
    // Before the first checkpoint, between two, at the step of one (logged, not saved), and not at all.
    for (const killAt of [2, 5, 6]) expect(walk(killAt).signal).toBe("SIGKILL");
    expect((await readMetrics("run")).map((line) => line.step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await readdir(join(root, "run"))).toContain("lock");
    const last = walk(-1);
    expect(last.stderr).toBe("");
    expect(last.status).toBe(0);
    expect(await readPoint("run")).toEqual(await readPoint("whole"));
    expect(await readMetrics("run")).toEqual(await readMetrics("whole"));
  });

  it("falls back to the checkpoint before a damaged one", async () => {
    await runPipeline(pipeline, { ...options, runDirectory: join(root, "whole") });
    await expect(runPipeline(pipeline, { ...options, ...interruptAfter(8) })).rejects.toThrow(
      InterruptedError,
    );
    const damaged = join(root, "run", "stages", "walk", "checkpoints", "step-8", "walk.bin");
    const bytes = await readFile(damaged);
    bytes[0]! ^= 1;
    await writeFile(damaged, bytes);
    await runPipeline(pipeline, { ...options, resume: true });
    expect(
      messages.some((message) => /^warn walk: checkpoint of step 8 is not used: .*walk\.bin/.test(message)),
    ).toBe(true);
    expect(messages).toContain("info walk: resumes after step 6");
    expect(await readPoint("run")).toEqual(await readPoint("whole"));
    expect(await readMetrics("run")).toEqual(await readMetrics("whole"));
  });
});

describe("a run directory that is there", () => {
  it("is refused unless it is to be resumed", async () => {
    await runPipeline(pipeline, options);
    await expect(runPipeline(pipeline, options)).rejects.toThrow("holds a run already; resume it");
  });

  it("is begun anew where it failed before its first step, with another config, too", async () => {
    const failing = { ...options, signal: AbortSignal.abort() };
    for (const resume of [false, true]) {
      await expect(runPipeline(pipeline, { ...failing, resume })).rejects.toThrow(InterruptedError);
      await expect(runPipeline(pipeline, { ...failing, resume, seed: 9 })).rejects.toThrow(InterruptedError);
    }
    const run = join(root, "run");
    expect(messages.filter((message) => message.includes("resume"))).toEqual(
      Array(2).fill(`info ${run}: nothing to resume; the run begins`),
    );
    await runPipeline(pipeline, { ...options, seed: 8 });
    expect((await readJson("run", "config.json")).seed).toBe(8);
  });

  it("is left alone where its config.json is of something else, as that of a model", async () => {
    await mkdir(join(root, "run"));
    await writeFile(join(root, "run", "config.json"), '{"model_type": "gpt2"}');
    for (const resume of [false, true]) {
      await expect(runPipeline(pipeline, { ...options, resume })).rejects.toThrow(
        "run: holds a config.json that is not of a run; choose another directory",
      );
    }
    expect(await readJson("run", "config.json")).toEqual({ model_type: "gpt2" });
  });

  it("is left alone where it holds other files; hidden ones, logs and earlier runs do not count", async () => {
    const run = join(root, "run");
    await mkdir(run);
    for (const name of [".gitkeep", "job-17.out", "train.log"]) await writeFile(join(run, name), "");
    await runPipeline(pipeline, options);

    await runPipeline(pipeline, { ...options, runDirectory: join(root, "runs", "first") });
    await runPipeline(pipeline, { ...options, runDirectory: join(root, "runs") });

    const others = join(root, "others");
    const listed = ["README.md", "a.txt", "data", "lock"];
    await mkdir(join(others, "data"), { recursive: true });
    for (const name of ["a.txt", "lock", "README.md"]) await writeFile(join(others, name), "mine");
    for (const resume of [false, true]) {
      await expect(runPipeline(pipeline, { ...options, resume, runDirectory: others })).rejects.toThrow(
        `${others}: holds files that are not of a run (README.md, a.txt, data); choose a directory that is new or empty, such as ${join(others, "run")}`,
      );
    }
    expect(await readdir(others)).toEqual(listed);
    expect(await readFile(join(others, "lock"), "utf8")).toBe("mine");
    await writeFile(join(others, "z.txt"), "");
    await expect(runPipeline(pipeline, { ...options, runDirectory: others })).rejects.toThrow(
      "(README.md, a.txt, data and 1 more)",
    );
    const file = join(others, "a.txt");
    for (const path of [file, join(file, "run")]) {
      await expect(runPipeline(pipeline, { ...options, runDirectory: path })).rejects.toThrow(
        `${path}: is a file, or in one; a run needs a directory`,
      );
    }
  });

  it("is refused with another config, with the differences, unless told", async () => {
    await runPipeline(pipeline, options);
    const changed: Pipeline = {
      stages: [{ use: "walk", config: { steps: 12, saveEvery: 3 } }, { use: "measure" }],
    };
    const error = await runPipeline(changed, { ...options, seed: 8, resume: true }).then(
      () => undefined,
      (reason: AlignkitError) => reason,
    );
    expect(error?.details.differences).toEqual(["seed: 7 -> 8", "stages.0.config.steps: 11 -> 12"]);
    expect(error?.message).toContain("\n- stages.0.config.steps: 11 -> 12");
    await runPipeline(changed, { ...options, resume: true, acceptChangedConfig: true });
    expect((await readJson("run", "config.json")).stages[0].config.steps).toBe(12);
  });

  it("is refused while another process writes it", async () => {
    await mkdir(join(root, "run"));
    // Process 1 is always there.
    const stat = await readFile("/proc/1/stat", "utf8").catch(() => ") ");
    const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
    const lock = join(root, "run", "lock");
    await writeFile(lock, JSON.stringify({ pid: 1, host: hostname(), started }));
    await expect(runPipeline(pipeline, options)).rejects.toThrow(/lock: process 1 on .* writes this run/);
    await writeFile(lock, JSON.stringify({ pid: 1, host: "another-machine", started: "5" }));
    await expect(runPipeline(pipeline, options)).rejects.toThrow("process 1 on another-machine");
    // Nor may this process write it twice.
    await rm(lock);
    const release = await acquireLock(lock, silentLogger);
    await expect(runPipeline(pipeline, options)).rejects.toThrow(`process ${process.pid} on`);
    await release();
    await runPipeline(pipeline, options);
  });

  it("is taken over when its process is gone", async () => {
    const gone = { pid: spawnSync(process.execPath, ["-e", ""]).pid, host: hostname(), started: "5" };
    // A process number that was given to a later process, as after the restart of a container; only Linux tells.
    const reused = { ...gone, pid: process.pid };
    for (const holder of process.platform === "linux" ? [gone, reused, "cut sho"] : [gone, "cut sho"]) {
      await rm(join(root, "run"), { recursive: true, force: true });
      await mkdir(join(root, "run"));
      const text = typeof holder === "string" ? holder : JSON.stringify(holder);
      await writeFile(join(root, "run", "lock"), text);
      messages = [];
      await runPipeline(pipeline, options);
      expect(messages[0]).toMatch(/^warn the last process of this run ended/);
      expect(await readdir(join(root, "run"))).not.toContain("lock");
    }
  });

  it("loses a last line of metrics that was cut short, and nothing else", async () => {
    await runPipeline({ stages: [pipeline.stages[0]!] }, { ...options, runDirectory: join(root, "whole") });
    await expect(
      runPipeline({ stages: [pipeline.stages[0]!] }, { ...options, ...interruptAfter(4) }),
    ).rejects.toThrow(InterruptedError);
    const path = join(root, "run", "metrics.jsonl");
    await writeFile(path, `${await readFile(path, "utf8")}{"stage":"walk","st`);
    await runPipeline({ stages: [pipeline.stages[0]!] }, { ...options, resume: true });
    expect(await readMetrics("run")).toEqual(await readMetrics("whole"));
  });
});

describe("planPipeline", () => {
  it("asks each stage what it would do, with the inputs that are there", async () => {
    await runPipeline(pipeline, options);
    const wired = await checkWiring(
      options.registry,
      {
        stages: [
          { use: "walk", inputs: { point: { path: "run/artifacts/walk.point" } } },
          { use: "walk", as: "second", config: { steps: 3 } },
          { use: "measure" },
        ],
      },
      { baseDirectory: root },
    );
    expect(await planPipeline(wired, { baseDirectory: root })).toEqual([
      { stage: "walk", plan: { steps: 20, notes: ["from a point"] } },
      { stage: "second", plan: { steps: 3, notes: ["from the origin"] } },
      { stage: "measure", plan: {} },
    ]);
  });
});
