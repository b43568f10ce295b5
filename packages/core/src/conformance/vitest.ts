import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "../index.js";
import { type ConformanceOptions, conformanceChecks } from "./run.js";

/**
 * The conformance suite as vitest tests, one per case and per rule of the contract. A case that the backend lists as an
 * expected failure passes by failing.
 * @param create - makes the backend; it is disposed at the end
 */
export function describeBackend(
  name: string,
  create: () => Backend | Promise<Backend>,
  { cases, onResult }: ConformanceOptions = {},
): void {
  describe(`${name}: conformance`, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await create();
    });
    afterAll(() => backend?.dispose());
    for (const check of conformanceChecks(cases)) {
      it(check.name, async () => {
        const result = await check.run(backend);
        onResult?.(result);
        const { status, message = "passes; take it off the list of expected failures" } = result;
        expect(status === "failed" || status === "unexpected-pass" ? message : undefined).toBeUndefined();
      });
    }
  });
}
