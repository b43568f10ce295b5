/** What a failed command prints and returns. */
import type { Paint } from "./terminal/color.js";
import { interruptedExitCode } from "./terminal/interruption.js";

/** Bad usage or config; every other failure is 1. */
const exitCodes: Readonly<Record<string, number>> = {
  USAGE: 2,
  CONFIG_INVALID: 2,
  WIRING_INVALID: 2,
  DATA_INVALID: 2,
  TOKENIZER_INVALID: 2,
  INTERRUPTED: interruptedExitCode,
};

export function exitCodeOf(error: unknown): number {
  return exitCodes[codeOf(error) ?? ""] ?? 1;
}

/** Code, place and remedy; the stack only when asked for. */
export function describeFailure(error: unknown, paint: Paint, isDebug: boolean): string {
  const code = codeOf(error);
  const head = paint("red", code === undefined ? "error:" : `error ${code}:`);
  const message = error instanceof Error ? error.message : String(error);
  const hint =
    code === undefined && !isDebug ? "\n(this was not foreseen: --debug shows where it happened)" : "";
  return `${head} ${message}${hint}\n${isDebug ? stackOf(error) : ""}`;
}

/** Stable codes of alignkit's errors, and those of the system (`ENOENT`). */
function codeOf(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const cause = error.cause === undefined ? "" : `caused by ${stackOf(error.cause) || String(error.cause)}`;
  return `${error.stack ?? ""}\n${cause}`;
}
