import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readYamlFile } from "./yaml-file.js";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-yaml-"));
});
afterAll(() => rm(directory, { recursive: true }));

async function write(text: string): Promise<string> {
  const path = join(directory, "file.yaml");
  await writeFile(path, text);
  return path;
}

it("knows the line of each key", async () => {
  const path = await write("seed: 1\nstages:\n  - use: sft\n    config:\n      max_steps: 3\n  - use: ppo\n");
  const file = await readYamlFile(path, "p.yaml");
  expect(file.value).toEqual({ seed: 1, stages: [{ use: "sft", config: { max_steps: 3 } }, { use: "ppo" }] });
  expect(file.place(["stages", 0, "config", "max_steps"])).toBe("p.yaml:5");
  expect(file.place(["stages", 1, "use"])).toBe("p.yaml:6");
  // A key that is not there has the place of what it is missing from.
  expect(file.place(["stages", 1, "config"])).toBe("p.yaml:6");
  expect(file.place(["nothing"])).toBe("p.yaml");
});

it("names the line of what is not YAML, and a missing file", async () => {
  const path = await write("seed: 1\nstages: [a, b\nmore: x\n");
  await expect(readYamlFile(path, "p.yaml")).rejects.toThrow(/^p\.yaml:3: /);
  await expect(readYamlFile(join(directory, "none.yaml"), "none.yaml")).rejects.toThrow(
    "none.yaml: no such file; give the path of a YAML file",
  );
});
