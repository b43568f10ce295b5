import { describe, expect, it } from "vitest";
import { type PrimitiveName, primitiveNames, referenceBackend } from "../index.js";
import { checkCase, conformanceCases, mutantBackend, runConformance } from "./index.js";
import { describeBackend } from "./vitest.js";

describeBackend("reference", () => referenceBackend());
describeBackend("reference at double precision", () => referenceBackend({ precision: "float64" }));

describe("a mutant backend is caught", () => {
  const ops = primitiveNames.filter((op): op is Exclude<PrimitiveName, "input"> => op !== "input");
  it.each(ops)("with a wrong %s", async (op) => {
    const mutant = mutantBackend(op);
    for (const each of conformanceCases) {
      if ((await checkCase(mutant, each)) !== undefined) return;
    }
    expect.fail(`no case notices a wrong ${op}`);
  });
});

describe("expected failures", () => {
  const wrong = mutantBackend("tanh");
  const outcome = async (expectedFailures: Readonly<Record<string, string>>) => {
    const results = await runConformance({ ...wrong, expectedFailures });
    return results.flatMap(({ name, status }) => (status === "passed" ? [] : [`${name}: ${status}`]));
  };

  it("run all the same, and one that passes or is no check is reported", async () => {
    expect(await outcome({ tanh: "it is wrong", neg: "is it?", tan: "there is none" })).toEqual([
      "neg: unexpected-pass",
      "tanh: expected-failure",
      "expected failures are checks: failed",
    ]);
  });
});
