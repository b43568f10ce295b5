/** Metrics to an MLflow tracking server, by its REST API. @see https://mlflow.org/docs/latest/api_reference/rest-api.html */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Logger, type MetricsRecord, type MetricsSink, replaceFile } from "../index.js";

/** Which server, and what it calls the run. */
export interface MlflowOptions {
  /** `http://localhost:5000` */
  readonly uri: string;
  /** Made if it is not there. */
  readonly experiment: string;
  /** Shown by the server. */
  readonly runName: string;
  /** The id of the server's run is kept here, so that a run that is resumed goes on there, too. */
  readonly runDirectory: string;
  /** Sent as `Authorization: Bearer ...`. */
  readonly token?: string | undefined;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly wallTime: () => number;
}

interface Metric {
  readonly key: string;
  readonly value: number | string;
  readonly timestamp: number;
  readonly step: number;
}

/** What of the server's answers is read. */
interface Answer {
  readonly error_code?: string;
  readonly message?: string;
  readonly experiment_id?: string;
  readonly experiment?: { readonly experiment_id: string };
  readonly run?: {
    readonly info: { readonly run_id: string };
    readonly data: {
      readonly metrics?: readonly { readonly key: string; readonly step?: number | string }[];
    };
  };
}

/** The server refuses larger batches. */
const mostMetrics = 1000;
const timeout = 30_000;

/**
 * Metrics are called `<stage>/<metric>`. They are sent while training goes on; what cannot be sent is tried again with the
 * next and at the end, and a warning says so: a server that is away stops no training, and `metrics.jsonl` has all.
 *
 * The server forgets nothing: a stage that resumes does not send again the steps that are there, which are the same.
 */
export function createMlflow(options: MlflowOptions): MetricsSink {
  const { logger, wallTime, runDirectory } = options;
  const call = createCaller(options);
  const idFile = join(runDirectory, "mlflow.json");
  let waiting: { readonly record: MetricsRecord; readonly timestamp: number }[] = [];
  let run: Promise<{ readonly id: string; readonly sent: ReadonlyMap<string, number> }> | undefined;
  let sending: Promise<void> | undefined;
  let hasWarned = false;

  const start = async () => {
    const known = await readFile(idFile, "utf8").then(
      (text) => (JSON.parse(text) as { readonly run_id: string }).run_id,
      () => undefined,
    );
    if (known !== undefined) {
      const { run: before } = await call("GET", `runs/get?run_id=${encodeURIComponent(known)}`);
      await call("POST", "runs/update", { run_id: known, status: "RUNNING" });
      return { id: known, sent: latestSteps(before?.data.metrics ?? []) };
    }
    const created = await call("POST", "runs/create", {
      experiment_id: await experimentId(call, options.experiment),
      run_name: options.runName,
      start_time: wallTime(),
      tags: [{ key: "mlflow.source.name", value: "alignkit" }],
    });
    const id = created.run?.info.run_id as string;
    await replaceFile(idFile, (file) => file.writeFile(`${JSON.stringify({ run_id: id })}\n`));
    return { id, sent: new Map<string, number>() };
  };

  const send = async () => {
    run ??= start();
    const { id, sent } = await run.catch((error: unknown) => {
      run = undefined;
      throw error;
    });
    while (waiting.length > 0) {
      const batch = waiting;
      const metrics = batch
        .filter(({ record: { stage, step } }) => step > (sent.get(stage) ?? Number.NEGATIVE_INFINITY))
        .flatMap(metricsOf);
      for (let from = 0; from < metrics.length; from += mostMetrics) {
        await call("POST", "runs/log-batch", {
          run_id: id,
          metrics: metrics.slice(from, from + mostMetrics),
        });
      }
      waiting = waiting.slice(batch.length);
    }
    return id;
  };

  const warn = (error: unknown) => {
    if (hasWarned) return;
    hasWarned = true;
    logger.warn(`mlflow: ${(error as Error).message}; it is tried again, and metrics.jsonl has all numbers`);
  };

  return {
    write(record) {
      waiting.push({ record, timestamp: wallTime() });
      sending ??= send()
        .then(() => {}, warn)
        .finally(() => {
          sending = undefined;
        });
    },
    async close(outcome = "finished") {
      await sending;
      if (run === undefined && waiting.length === 0) return;
      try {
        const id = await send();
        const status = outcome === "finished" ? "FINISHED" : "FAILED";
        await call("POST", "runs/update", { run_id: id, status, end_time: wallTime() });
      } catch (error) {
        logger.warn(
          `mlflow: ${(error as Error).message}; ${waiting.length} steps were not sent, metrics.jsonl has them`,
        );
      }
    },
  };
}

/** @param body - of a POST */
type Call = (method: "GET" | "POST", path: string, body?: object) => Promise<Answer>;

class MissingError extends Error {}

function createCaller({ uri, token }: MlflowOptions): Call {
  const base = `${uri.replace(/\/+$/, "")}/api/2.0/mlflow/`;
  return async (method, path, body) => {
    const response = await fetch(base + path, {
      method,
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeout),
    }).catch((cause: Error) => {
      const reason = cause.cause instanceof Error ? cause.cause.message : cause.message;
      throw new Error(`${uri} does not answer (${reason})`, { cause });
    });
    const answer = (await response.json().catch(() => ({}))) as Answer;
    if (response.ok) return answer;
    const message = `${path} answers ${response.status} ${answer.message ?? response.statusText}`;
    throw answer.error_code === "RESOURCE_DOES_NOT_EXIST" ? new MissingError(message) : new Error(message);
  };
}

async function experimentId(call: Call, name: string): Promise<string> {
  const path = `experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`;
  const { experiment } = await call("GET", path).catch((error: unknown): Answer => {
    if (error instanceof MissingError) return {};
    throw error;
  });
  if (experiment !== undefined) return experiment.experiment_id;
  return (await call("POST", "experiments/create", { name })).experiment_id as string;
}

function metricsOf({
  record: { stage, step, metrics },
  timestamp,
}: {
  readonly record: MetricsRecord;
  readonly timestamp: number;
}): readonly Metric[] {
  return Object.entries(metrics).map(([name, value]) => ({
    key: `${stage}/${name}`,
    // As protobuf writes in JSON what JSON lacks.
    value: Number.isFinite(value) ? value : String(value),
    timestamp: Math.round(timestamp),
    step,
  }));
}

/** The last step of each stage that the server has. */
function latestSteps(
  metrics: readonly { readonly key: string; readonly step?: number | string }[],
): ReadonlyMap<string, number> {
  const latest = new Map<string, number>();
  for (const { key, step = 0 } of metrics) {
    const stage = key.slice(0, key.indexOf("/"));
    latest.set(stage, Math.max(Number(step), latest.get(stage) ?? Number.NEGATIVE_INFINITY));
  }
  return latest;
}
