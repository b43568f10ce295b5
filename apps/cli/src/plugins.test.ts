import { expect, it } from "vitest";
import { builtInPlugins } from "./plugins.js";

it("describes the stages as they describe themselves", async () => {
  for (const { load, stages } of builtInPlugins) {
    const plugin = await load();
    const described = (plugin.stages ?? []).map(({ name, description }) => [name, description]);
    expect(stages).toEqual(Object.fromEntries(described));
  }
});
