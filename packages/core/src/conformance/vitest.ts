import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "../backend.js";
import { conformanceCases } from "./cases.js";
import { checkContract, contractNames } from "./contract.js";
import { type ConformanceOptions, checkCase } from "./run.js";

/**
 * The conformance suite as vitest tests, one per case.
 * @param create - makes the backend; it is disposed at the end
 */
export function describeBackend(
  name: string,
  create: () => Backend | Promise<Backend>,
  { cases = conformanceCases, expectedFailures = [] }: ConformanceOptions = {},
): void {
  describe(`${name}: conformance`, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await create();
    });
    afterAll(() => backend?.dispose());
    for (const each of cases) {
      const test = expectedFailures.includes(each.name) ? it.fails : it;
      test(each.name, async () => expect(await checkCase(backend, each)).toBeUndefined());
    }
    for (const rule of contractNames) {
      it(`contract: ${rule}`, async () => expect(await checkContract(backend, rule)).toBeUndefined());
    }
  });
}
