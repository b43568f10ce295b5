import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError } from "./errors.js";
import { loadPlugin } from "./plugin.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-plugin-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const file = (name: string, text: string) => writeFile(join(directory, name), text);

describe("loadPlugin", () => {
  it("takes a plugin from a file: default, named plugin, or after a #", async () => {
    await file("default.mjs", 'export default { name: "by default" };');
    await file("named.mjs", 'export const plugin = { name: "by name" };');
    await file("chosen.mjs", 'export const mine = () => ({ name: "chosen", stages: [] });');
    expect(await loadPlugin("./default.mjs", directory)).toEqual({ name: "by default" });
    expect(await loadPlugin(join(directory, "named.mjs"), "/")).toEqual({ name: "by name" });
    expect(await loadPlugin("./chosen.mjs#mine", directory)).toEqual({ name: "chosen", stages: [] });
  });

  it("calls a factory with the options", async () => {
    await file("factory.mjs", "export default async (options) => ({ name: options.title });");
    expect(await loadPlugin("./factory.mjs", directory, { title: "made" })).toEqual({ name: "made" });
  });

  it("takes a package installed beside the config", async () => {
    const folder = join(directory, "node_modules", "my-stages");
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, "package.json"),
      JSON.stringify({ name: "my-stages", type: "module", exports: { ".": { default: "./main.js" } } }),
    );
    await writeFile(join(folder, "main.js"), 'export default { name: "my-stages", backends: [] };');
    expect(await loadPlugin("my-stages", directory)).toEqual({ name: "my-stages", backends: [] });
  });

  it("says what is wrong and what to do", async () => {
    await expect(loadPlugin("no-such-package", directory)).rejects.toThrow(
      /plugin "no-such-package": cannot be imported; run "npm install no-such-package" in/,
    );
    await expect(loadPlugin("./none.mjs", directory)).rejects.toThrow(ConfigError);
    await file("broken.mjs", 'throw new Error("broken inside");');
    await expect(loadPlugin("./broken.mjs", directory)).rejects.toThrow("broken inside");
    await file("other.mjs", "export const sft = 1;");
    await expect(loadPlugin("./other.mjs", directory)).rejects.toThrow(
      'exports neither "default" nor "plugin"; name the export after a "#"; exports: sft',
    );
    await expect(loadPlugin("./other.mjs#ppo", directory)).rejects.toThrow('exports no "ppo"');
    await expect(loadPlugin("./other.mjs#sft", directory)).rejects.toThrow("is number; a plugin is { name");
    await file("nameless.mjs", "export default { stages: [] };");
    await expect(loadPlugin("./nameless.mjs", directory)).rejects.toThrow("has no name");
    await file("stages.mjs", 'export default { name: "x", stages: [{ name: "y" }] };');
    await expect(loadPlugin("./stages.mjs", directory)).rejects.toThrow("not a list of stage definitions");
    await file("backends.mjs", 'export default { name: "x", backends: {} };');
    await expect(loadPlugin("./backends.mjs", directory)).rejects.toThrow("not a list of { name, create }");
  });
});
