import { describe, expect, it } from "vitest";
import { type PrimitiveName, primitiveNames, referenceBackend } from "../index.js";
import { checkCase, conformanceCases, mutantBackend } from "./index.js";
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
