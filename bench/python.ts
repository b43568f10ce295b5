/** Finds the Python that runs the peers. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Where `bench/README.md` has the environment made. */
const environments = ["bench/.venv/bin/python", "bench/.venv/Scripts/python.exe"].map((path) =>
  fileURLToPath(new URL(`../${path}`, import.meta.url)),
);

/**
 * @param given - `--python`, before all else
 * @returns null when there is none
 */
export function findPython(
  given: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | null {
  if (given !== undefined) return given;
  const named = environment.ALIGNKIT_PYTHON;
  if (named !== undefined && named !== "") return named;
  return environments.find((path) => existsSync(path)) ?? null;
}
