import { expect, it } from "vitest";
import { createPaint } from "./color.js";

const red = "\u001b[31mx\u001b[39m";
const paint = (isTTY: boolean, environment: Record<string, string>) =>
  createPaint({ write() {}, isTTY }, { environment })("red", "x");

it("colors a terminal, and nothing else", () => {
  expect(paint(true, {})).toBe(red);
  expect(paint(false, {})).toBe("x");
  expect(paint(true, { TERM: "dumb" })).toBe("x");
});

it("honours NO_COLOR before FORCE_COLOR; empty values count as unset", () => {
  expect(paint(true, { NO_COLOR: "1" })).toBe("x");
  expect(paint(true, { NO_COLOR: "" })).toBe(red);
  expect(paint(false, { FORCE_COLOR: "1" })).toBe(red);
  expect(paint(false, { FORCE_COLOR: "1", NO_COLOR: "1" })).toBe("x");
});
