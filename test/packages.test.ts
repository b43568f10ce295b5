import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly type: string;
  readonly sideEffects: boolean;
  readonly engines: { readonly node: string };
  readonly repository: { readonly directory: string };
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>> | null>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(root, directory, "package.json"), "utf8"));
}

const directories = ["packages", "packages/backends", "apps"].flatMap((parent) =>
  readdirSync(join(root, parent))
    .map((name) => `${parent}/${name}`)
    .filter((directory) => existsSync(join(root, directory, "package.json"))),
);

test("there is a package in every layer", () => {
  expect(directories).toEqual(
    expect.arrayContaining(["packages/core", "packages/ppo", "packages/backends/onnx", "apps/cli"]),
  );
});

describe.each(directories)("%s", (directory) => {
  const manifest = readManifest(directory);

  test("is an ESM package that states what a registry needs", () => {
    expect(manifest).toMatchObject({
      license: "MIT",
      type: "module",
      sideEffects: false,
      engines: { node: ">=20.19" },
      publishConfig: { access: "public" },
      repository: { directory },
    });
  });

  test("carries the license, which a registry packs from the package's own folder", () => {
    expect(readFileSync(join(root, directory, "LICENSE"), "utf8")).toBe(
      readFileSync(join(root, "LICENSE"), "utf8"),
    );
  });

  test("exports sources that exist, and the built file of each", () => {
    const { "./internal/*": internal, ...subpaths } = manifest.exports;
    expect(internal).toBeNull();
    for (const conditions of Object.values(subpaths)) {
      const source = conditions?.["@alignkit/source"] ?? "";
      expect(existsSync(join(root, directory, source)), `${directory}: ${source}`).toBe(true);
      const built = source.replace("/src/", "/dist/").replace(/\.ts$/, "");
      expect(conditions).toEqual({
        "@alignkit/source": source,
        types: `${built}.d.ts`,
        default: `${built}.js`,
      });
    }
  });

  test("lists its exports one by one", () => {
    for (const conditions of Object.values(manifest.exports)) {
      if (conditions === null) continue;
      const source = readFileSync(join(root, directory, conditions["@alignkit/source"] ?? ""), "utf8");
      expect(source).not.toMatch(/^export \*/m);
    }
  });

  test("depends on our packages at the common version", () => {
    expect(manifest.version).toBe(readManifest("packages/core").version);
    for (const [name, range] of Object.entries(manifest.dependencies ?? {})) {
      if (name.startsWith("@alignkit/")) expect(`${name}@${range}`).toBe(`${name}@${manifest.version}`);
    }
  });

  test("ships the files of its commands", () => {
    for (const file of Object.values(manifest.bin ?? {})) {
      expect(readFileSync(join(root, directory, file), "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
    }
  });
});

test("the lockfile names no registry", () => {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly resolved?: string }>>;
  };
  const resolved = Object.values(lock.packages).flatMap((entry) => entry.resolved ?? []);
  const workspaces = [...directories, "examples/custom-backend"];
  expect(resolved.filter((path) => !workspaces.includes(dirname(`${path}/package.json`)))).toEqual([]);
});
