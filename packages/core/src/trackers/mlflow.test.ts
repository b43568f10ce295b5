import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLogger } from "../logger.js";
import { createMlflow } from "./mlflow.js";

interface StoredMetric {
  readonly key: string;
  readonly value: number | string;
  readonly step: number;
}

/** A tracking server with the paths that the client uses, and their errors. */
function startServer() {
  const experiments: string[] = [];
  const runs: { experiment: string; name: string; status: string; metrics: StoredMetric[] }[] = [];
  let isAway = false;
  type Answer = readonly [status: number, body: object];
  const missing: Answer = [404, { error_code: "RESOURCE_DOES_NOT_EXIST", message: "no such thing" }];
  const handle = (path: string, query: URLSearchParams, body: Readonly<Record<string, unknown>>): Answer => {
    const run = runs[Number(query.get("run_id") ?? body.run_id)];
    switch (path) {
      case "experiments/get-by-name": {
        const id = experiments.indexOf(query.get("experiment_name") as string);
        return id < 0 ? missing : [200, { experiment: { experiment_id: String(id) } }];
      }
      case "experiments/create":
        return [200, { experiment_id: String(experiments.push(body.name as string) - 1) }];
      case "runs/create": {
        const name = body.run_name as string;
        const id =
          runs.push({ experiment: body.experiment_id as string, name, status: "RUNNING", metrics: [] }) - 1;
        return [200, { run: { info: { run_id: String(id) }, data: {} } }];
      }
      case "runs/get": {
        const latest = new Map(
          run?.metrics.map((metric) => [metric.key, { ...metric, step: String(metric.step) }]),
        );
        return [200, { run: { info: {}, data: { metrics: [...latest.values()] } } }];
      }
      case "runs/log-batch":
        if ((body.metrics as StoredMetric[]).length > 1000) return [400, { message: "too many metrics" }];
        run?.metrics.push(...(body.metrics as StoredMetric[]));
        return [200, {}];
      case "runs/update":
        if (run !== undefined) run.status = body.status as string;
        return [200, {}];
      default:
        return missing;
    }
  };
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const url = new URL(request.url ?? "", "http://server");
      const body = parts.length === 0 ? {} : JSON.parse(Buffer.concat(parts).toString());
      const [status, answer] = isAway
        ? [503, { message: "down for maintenance" }]
        : handle(url.pathname.replace("/api/2.0/mlflow/", ""), url.searchParams, body);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
  });
  return {
    server,
    experiments,
    runs,
    setAway(value: boolean) {
      isAway = value;
    },
  };
}

let directory: string;
let mlflow: ReturnType<typeof startServer>;
let warnings: string[];
beforeEach(async () => {
  directory = await mkdtemp(`${tmpdir()}/alignkit-mlflow-`);
  mlflow = startServer();
  warnings = [];
  await new Promise<void>((resolve) => mlflow.server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  await new Promise((resolve) => mlflow.server.close(resolve));
  await rm(directory, { recursive: true });
});

const open = () =>
  createMlflow({
    uri: `http://127.0.0.1:${(mlflow.server.address() as AddressInfo).port}/`,
    experiment: "alignment",
    runName: "try",
    runDirectory: directory,
    logger: createLogger((level, text) => {
      if (level === "warn") warnings.push(text);
    }),
    wallTime: () => 1000,
  });

describe("createMlflow", () => {
  it("makes experiment and run, and sends each value once", async () => {
    const sink = open();
    sink.write({ stage: "sft", step: 1, metrics: { loss: 2.5, grad_norm: Number.NaN } });
    sink.write({ stage: "sft", step: 2, metrics: { loss: 2 } });
    await sink.close("finished");
    expect(mlflow.experiments).toEqual(["alignment"]);
    const [run] = mlflow.runs;
    expect(run).toMatchObject({ experiment: "0", name: "try", status: "FINISHED" });
    expect(run?.metrics.map(({ key, value, step }) => [key, value, step])).toEqual([
      ["sft/loss", 2.5, 1],
      ["sft/grad_norm", "NaN", 1],
      ["sft/loss", 2, 2],
    ]);
  });

  it("goes on with its run, without the steps that are there", async () => {
    const first = open();
    for (const step of [1, 2, 3]) first.write({ stage: "sft", step, metrics: { loss: step } });
    await first.close("failed");
    expect(mlflow.runs[0]?.status).toBe("FAILED");
    const resumed = open();
    for (const step of [3, 4]) resumed.write({ stage: "sft", step, metrics: { loss: step } });
    resumed.write({ stage: "ppo", step: 1, metrics: { loss: 9 } });
    await resumed.close("finished");
    expect(mlflow.runs).toHaveLength(1);
    expect(mlflow.runs[0]?.metrics.map(({ key, step }) => `${key} ${step}`)).toEqual([
      "sft/loss 1",
      "sft/loss 2",
      "sft/loss 3",
      "sft/loss 4",
      "ppo/loss 1",
    ]);
  });

  it("splits batches that the server would refuse", async () => {
    const sink = open();
    const metrics = Object.fromEntries(Array.from({ length: 2100 }, (_, index) => [`m${index}`, index]));
    sink.write({ stage: "sft", step: 1, metrics });
    await sink.close("finished");
    expect(mlflow.runs[0]?.metrics).toHaveLength(2100);
    expect(warnings).toEqual([]);
  });

  it("warns when the server is away, and sends what waits when it is back", async () => {
    mlflow.setAway(true);
    const sink = open();
    sink.write({ stage: "sft", step: 1, metrics: { loss: 1 } });
    while (warnings.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(warnings[0]).toMatch(
      /^mlflow: experiments\/get-by-name\S* answers 503 down for maintenance; it is tried again/,
    );
    mlflow.setAway(false);
    sink.write({ stage: "sft", step: 2, metrics: { loss: 2 } });
    await sink.close("finished");
    expect(mlflow.runs[0]?.metrics.map(({ step }) => step)).toEqual([1, 2]);
  });

  it("says at the end what was not sent", async () => {
    mlflow.setAway(true);
    const sink = open();
    sink.write({ stage: "sft", step: 1, metrics: { loss: 1 } });
    await sink.close("finished");
    expect(warnings.at(-1)).toContain("1 steps were not sent, metrics.jsonl has them");
  });
});
