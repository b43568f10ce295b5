import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** That of `package.json`, which lies above both `src/` and `dist/`. */
export function version(): string {
  return versionIn(new URL("../package.json", import.meta.url));
}

/** What the numbers of a run may depend on, for `environment.json`. */
export function packageVersions(): Readonly<Record<string, string>> {
  const require = createRequire(import.meta.url);
  const versions: Record<string, string> = { alignkit: version() };
  for (const name of ["onnxruntime-node"]) {
    try {
      versions[name] = versionIn(require.resolve(`${name}/package.json`));
    } catch {
      // A backend that is not installed has no version.
    }
  }
  return versions;
}

function versionIn(file: URL | string): string {
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }).version;
}
