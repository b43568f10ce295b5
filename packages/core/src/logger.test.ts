import { expect, it } from "vitest";
import { createLogger, prefixLogger } from "./logger.js";

it("hands each message on with its level and prefixes", () => {
  const lines: string[] = [];
  const logger = createLogger((level, message) => lines.push(`${level} | ${message}`));
  logger.info("starts");
  prefixLogger(prefixLogger(logger, "run"), "sft").warn("slow");
  logger.debug("more");
  expect(lines).toEqual(["info | starts", "warn | run: sft: slow", "debug | more"]);
});
