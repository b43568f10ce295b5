/** Time from the start of a command to its end, and of an import, each in a new process; needs what `npm run build` makes. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { MakeItem } from "./item.js";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const command = `${root}apps/cli/bin/alignkit.js`;

const run = (parameters: readonly string[]) => execute(process.execPath, parameters, { cwd: root });

/** `alignkit --help`. */
export const makeHelp: MakeItem = async () => {
  requireBuilt("apps/cli/dist/main.js");
  return {
    async run() {
      await run([command, "--help"]);
      return { tokens: 0 };
    },
    dispose: async () => {},
  };
};

/** Time of the import alone, without the start of Node. */
export const makeImport: MakeItem = async () => {
  requireBuilt("packages/core/dist/index.js");
  const script =
    'const start = performance.now(); await import("@alignkit/core"); console.log(performance.now() - start)';
  return {
    async run() {
      const { stdout } = await run(["--input-type=module", "--eval", script]);
      return { tokens: 0, ms: Number(stdout) };
    },
    dispose: async () => {},
  };
};

function requireBuilt(path: string): void {
  if (!existsSync(`${root}${path}`)) throw new Error(`${path} is not there: run npm run build`);
}
