import { expect, it } from "vitest";
import { nearestName, suggestion } from "./nearest-name.js";

const known = ["learning_rate", "max_steps", "warmup_steps", "lr_scheduler_type"];

it("finds the name that was meant: swapped, missing and other letters, other separators", () => {
  expect(nearestName("learning_rte", known)).toBe("learning_rate");
  expect(nearestName("laerning-rate", known)).toBe("learning_rate");
  expect(nearestName("maxSteps", known)).toBe("max_steps");
  expect(nearestName("warmup", known)).toBe("warmup_steps");
});

it("finds nothing where nothing is alike, and lists what there is", () => {
  expect(nearestName("temperature", known)).toBeUndefined();
  expect(suggestion("temperature", known)).toBe(
    "; known: learning_rate, lr_scheduler_type, max_steps, warmup_steps",
  );
});
