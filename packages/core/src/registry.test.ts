import { describe, expect, it } from "vitest";
import { ConfigError } from "./errors.js";
import { walking, walkStage } from "./fixtures/walk-stage.js";
import { referenceBackend } from "./reference.js";
import { createRegistry } from "./registry.js";

const reference = {
  name: "reference",
  description: "Slow and plain.",
  create: async () => referenceBackend(),
};

describe("createRegistry", () => {
  it("finds stages and backends by name", async () => {
    const registry = createRegistry([walking(), { name: "backends", backends: [reference] }]);
    expect(registry.stage("walk")).toBe(walkStage);
    expect((await registry.backend("reference").create({})).name).toBe("reference");
    expect([...registry.stages.keys()]).toEqual(["walk", "measure"]);
  });

  it("lists the known names when one is unknown", () => {
    const registry = createRegistry([walking()]);
    expect(() => registry.stage("wlak")).toThrow('stage "wlak" is unknown; known: measure, walk');
    expect(() => registry.backend("onnx")).toThrow('backend "onnx" is unknown; known: none');
    expect(() => registry.stage("constructor")).toThrow(ConfigError);
  });

  it("refuses two of one name", () => {
    expect(() => createRegistry([walking(), walking()])).toThrow('plugin "walking" is given twice');
    expect(() => createRegistry([walking(), { name: "mine", stages: [walkStage] }])).toThrow(
      'stage "walk" comes from plugin "walking" and from plugin "mine"',
    );
    expect(() => createRegistry([{ name: "a", backends: [reference, reference] }])).toThrow(
      'backend "reference" comes from plugin "a" and from plugin "a"',
    );
  });
});
