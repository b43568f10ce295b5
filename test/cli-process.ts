/** The `alignkit` command as a process of its own, from sources. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../apps/cli/src/main.ts", import.meta.url));

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Begins a command in a working directory. */
export function startCli(argv: readonly string[], cwd: string): CliProcess {
  const child = spawn(
    process.execPath,
    ["--conditions=@alignkit/source", "--import", import.meta.resolve("tsx"), main, ...argv],
    { cwd, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NO_COLOR: "1" } },
  );
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (part: string) => {
      text[name] += part;
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, ...text }));
  });
  return { child, ended };
}

/** A stage's config as flags: `learning_rate` is `--learning-rate`. */
export function flagsOf(config: Readonly<Record<string, string | number | boolean>>): string[] {
  return Object.entries(config).flatMap(([key, value]) => [`--${key.replaceAll("_", "-")}`, `${value}`]);
}
