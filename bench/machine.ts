/** Where and of what the numbers are: processor, load, commit. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, loadavg, platform, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${model}${generation()}, ${availableParallelism()} cores, ${memory} GiB, ${platform()} ${arch()}`;
}

/** Of an x86 processor: virtual machines give the same name to processors of which one has twice the other's rates. */
function generation(): string {
  if (platform() !== "linux") return "";
  const text = readFileSync("/proc/cpuinfo", "utf8");
  const [family, model] = ["cpu family", "model"].map(
    (field) => text.match(new RegExp(`^${field}\\s*: (\\d+)$`, "m"))?.[1],
  );
  return family === undefined ? "" : ` (family ${family}, model ${model})`;
}

/** One-minute load average. */
export function load(): number {
  return loadavg()[0] as number;
}

export function describeCommit(): string {
  const git = (...gitArguments: readonly string[]): string =>
    execFileSync("git", gitArguments, {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  try {
    const changed = git("status", "--porcelain", "--untracked-files=no") === "" ? "" : " with changes";
    return `commit ${git("rev-parse", "--short=12", "HEAD")}${changed}`;
  } catch {
    return "commit unknown";
  }
}
