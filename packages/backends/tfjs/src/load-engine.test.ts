import util from "node:util";
import { expect, it } from "vitest";
import { engines } from "./engines.js";
import { restoreRemovedFunctions } from "./load-engine.js";

it("gives back the functions that Node 23 took from node:util, and keeps those that are there", () => {
  // As Node 23 has it: without them.
  const later: Record<string, unknown> = { ...util, isNullOrUndefined: undefined, isArray: undefined };
  restoreRemovedFunctions(later);
  const { isNullOrUndefined, isArray } = later as Record<string, (value: unknown) => boolean>;
  expect([null, undefined, 0, ""].map((value) => isNullOrUndefined!(value))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect([[], new Float32Array(1), "x"].map((value) => isArray!(value))).toEqual([true, false, false]);

  const own = () => true;
  const present: Record<string, unknown> = { isNullOrUndefined: own, isArray: own };
  restoreRemovedFunctions(present);
  expect(present).toEqual({ isNullOrUndefined: own, isArray: own });
});

it("has TensorFlow take memory of a card as it needs it", () => {
  expect(engines["node-gpu"].environment.TF_FORCE_GPU_ALLOW_GROWTH).toBe("true");
});

it("has TensorFlow on the CPU leave its operators of oneDNN off, which are slower", () => {
  expect(engines.node.environment.TF_ENABLE_ONEDNN_OPTS).toBe("0");
});
