/** A worker of one side: JSON lines to its input, one answer a line from its output. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Side } from "./comparisons.js";
import { compiledWorker } from "./compile-worker.js";

/** An answer to a piece of work: figures, or what went wrong. */
export interface Measurement {
  readonly ms: number;
  readonly tokens: number;
  /** Processor time of the process; more than `ms` with several threads, less than it where others hold the processors. */
  readonly cpu_ms: number;
  /** Most that was resident during the run. */
  readonly peak_mb: number;
  /** Resident before it. */
  readonly base_mb: number;
  readonly load: number;
  /** Tokens or numbers, for comparing. */
  readonly first?: readonly number[];
  /** What else the work reports: loss, gradient norm, times of phases. */
  readonly [figure: string]: unknown;
}

export interface About {
  readonly versions: Readonly<Record<string, string>>;
  readonly threads: number | string;
  readonly allocator: string;
  /** Packages with their dependencies, on disk. */
  readonly installed_mb: number;
}

export interface WorkerProcess {
  /** @throws {WorkerError} with the worker's own message, or because it died */
  ask(request: { readonly work: string; readonly [parameter: string]: unknown }): Promise<Measurement>;
  about(): Promise<About>;
  /** Ends the process. */
  close(): Promise<void>;
}

export class WorkerError extends Error {}

export interface WorkerSettings {
  /** Of our side, as after `--backend` of the command line. */
  readonly backend: string;
  /** Interpreter of the peers, or null where there is none. */
  readonly python: string | null;
  /** Each side's own choice unless given. */
  readonly threads: number | undefined;
  /** Of the peers: `tuned` keeps freed memory in the process, on huge pages; `stock` is the system's. */
  readonly allocator: "tuned" | "stock";
}

const root = fileURLToPath(new URL("..", import.meta.url));

type Command = readonly [string, readonly string[]];

const commands: Readonly<Record<Side, (settings: WorkerSettings) => Promise<Command>>> = {
  alignkit: async ({ backend, threads }) => [
    process.execPath,
    [
      "--expose-gc",
      await compiledWorker(),
      threads === undefined ? backend : `${backend},threads=${threads}`,
    ],
  ],
  torch: async ({ python, threads, allocator }) => [
    python as string,
    // -B: no bytecode beside the sources.
    [
      "-B",
      fileURLToPath(new URL("peers/worker.py", import.meta.url)),
      JSON.stringify({ allocator, ...(threads === undefined ? {} : { threads }) }),
    ],
  ],
};

/** How long a worker may take to end by itself. */
const patienceMilliseconds = 20_000;

export async function startWorker(side: Side, settings: WorkerSettings): Promise<WorkerProcess> {
  const [command, commandArguments] = await commands[side](settings);
  const child = spawn(command, commandArguments, { cwd: root, stdio: ["pipe", "pipe", "pipe"] });
  // The last of what it said before it died; libraries also warn there, which nobody needs to see.
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints = (complaints + text).slice(-2000);
  });
  const waiting: { resolve(line: string): void; reject(error: Error): void }[] = [];
  const fail = (reason: string): void => {
    for (const { reject } of waiting.splice(0)) reject(new WorkerError(reason));
  };
  let ended: string | undefined;
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.resolve(line));
  // A write to a process that has died; its end is reported by "close".
  child.stdin.on("error", () => {});
  const closed = new Promise<void>((resolve) => {
    const end = (reason: string): void => {
      ended = reason;
      fail(reason);
      resolve();
    };
    child.on("error", (error) => end(error.message));
    child.on("close", (code, signal) => {
      const lastLine = complaints.trim().split("\n").at(-1) ?? "";
      end(`worker ended (${signal ?? `code ${code}`}) ${lastLine}`.trim());
    });
  });

  const answer = async (request: { readonly work: string }): Promise<unknown> => {
    if (ended !== undefined) throw new WorkerError(ended);
    const line = new Promise<string>((resolve, reject) => waiting.push({ resolve, reject }));
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const parsed = JSON.parse(await line) as { readonly error?: string };
    if (parsed.error !== undefined) throw new WorkerError(parsed.error);
    return parsed;
  };
  return {
    ask: async (request) => (await answer(request)) as Measurement,
    about: async () => (await answer({ work: "about" })) as About,
    async close() {
      child.stdin.end();
      const impatience = setTimeout(() => child.kill("SIGKILL"), patienceMilliseconds);
      await closed;
      clearTimeout(impatience);
    },
  };
}
