import { describe, expect, it } from "vitest";
import { comparisonsOf } from "./comparisons.js";
import type { ContestantResult } from "./measure.js";
import { formatPairings, formatResults, pair } from "./report.js";
import type { Measurement } from "./worker-process.js";

const comparison = comparisonsOf(["sft"], ["5m"])[0]!;

/** Results of the contestants of that name, with these times. */
const resultsOf = (times: Readonly<Record<string, readonly number[]>>): readonly ContestantResult[] =>
  comparison.contestants
    .filter(({ name }) => name in times)
    .map((contestant) => ({
      contestant,
      measurements: times[contestant.name]!.map(
        (ms): Measurement => ({
          ms,
          tokens: 2048,
          cpu_ms: 2 * ms,
          peak_mb: 500 + ms,
          base_mb: 500,
          load: 0.5,
        }),
      ),
    }));

describe("formatResults", () => {
  it("gives time, rate and memory", () => {
    // Median 200 of 100, 200, 400; 2048 tokens / 0.2 s = 10240/s; the largest peak is 500 + 400.
    expect(formatResults(resultsOf({ sft_step: [100, 400, 200] }))).toMatchInlineSnapshot(`
      "|          | median ms | min ms | tokens/s | peak MB | CPU ms | load |
      |----------|----------:|-------:|---------:|--------:|-------:|-----:|
      | sft_step |       200 |    100 |    10240 |     900 |    400 |  0.5 |"
    `);
  });
  it("says why a contestant did not run", () => {
    const [ours] = resultsOf({ sft_step: [] });
    expect(formatResults([{ ...ours!, failure: "no torch" }])).toContain("| sft_step |  no torch |");
  });
});

describe("pair", () => {
  it("compares with the fastest peer", () => {
    // oneDNN is faster: 100/160, 300/150, 120/150 have the median 0.8; smallest 100/150 = 0.67.
    const pairs = pair(
      comparison,
      resultsOf({
        sft_step: [100, 300, 120],
        sft_step_nano: [200, 210, 190],
        "sft_step_nano, onednn": [160, 150, 150],
      }),
    );
    expect(formatPairings(pairs)).toMatchInlineSnapshot(`
      "| time of ours / of the peer               | median of pairs | min / min | CPU time |  target |     |
      |------------------------------------------|----------------:|----------:|---------:|--------:|----:|
      | gpt2-5m sft_step / sft_step_nano, onednn |            0.80 |      0.67 |     0.80 | <= 1.00 | met |"
    `);
  });
  it("says that a target is missed", () => {
    const pairs = pair(comparison, resultsOf({ sft_step: [101], sft_step_nano: [100] }));
    expect(formatPairings(pairs)).toContain("missed");
  });
  it("does not call a target met that was not measured", () => {
    const pairs = pair(comparison, resultsOf({ sft_step: [100], sft_step_nano: [] }));
    expect(pairs[0]?.ratios).toBeNull();
    expect(formatPairings(pairs)).toContain("not measured");
  });
  it("leaves out what was not entered", () => {
    expect(pair(comparison, resultsOf({ sft_step: [100] }))).toEqual([]);
  });
});
