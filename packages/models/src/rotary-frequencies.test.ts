import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileFunction, int32, referenceBackend, type Tensor } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { parseModelConfig, type RotaryPositions } from "./config.js";
import { rotaryAngles } from "./rotary-frequencies.js";

interface Case {
  readonly name: string;
  readonly config: Record<string, unknown>;
  readonly positions: readonly (readonly number[])[];
  readonly cosine: readonly (readonly (readonly number[])[])[];
  readonly sine: readonly (readonly (readonly number[])[])[];
}

// Made by make.py beside it.
const cases = JSON.parse(
  readFileSync(join(import.meta.dirname, "../fixtures/rotary/expected.json"), "utf8"),
) as readonly Case[];

describe("rotaryAngles", () => {
  it.each(cases)("gives transformers' $name", async ({ config, positions, cosine, sine }) => {
    const rotary = parseModelConfig(config).positions as RotaryPositions;
    const angles = compileFunction(referenceBackend(), ({ ids }: { readonly ids: Tensor }) => ({
      ...rotaryAngles(rotary, ids),
    }));
    const ids = int32(positions.flat(), [positions.length, positions[0]?.length as number]);
    const result = await angles({ ids });
    for (const [actual, expected] of [
      [result.cosine, cosine.flat(2)],
      [result.sine, sine.flat(2)],
    ] as const) {
      const { data } = await actual.read();
      expect(data.length).toBe(expected.length);
      // Angles up to 150 in float32: an error of 150 * 2^-24 before the cosine.
      for (const [index, value] of expected.entries()) expect(data[index]).toBeCloseTo(value, 4);
    }
  });
});
