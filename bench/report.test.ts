import { describe, expect, it } from "vitest";
import { type Comparison, comparisonsOf } from "./comparisons.js";
import type { ContestantResult } from "./measure.js";
import { comparedRows, type RecordedRow, withEarlierRounds, withRow } from "./record.js";
import { formatPairings, formatResults, missedMemory, missedTimes, pair } from "./report.js";
import type { Measurement } from "./worker-process.js";

const [comparison] = comparisonsOf(["sft"], ["5m"]) as [Comparison];

/** Results of the contestants of that name, with these times. */
const resultsOf = (
  times: Readonly<Record<string, readonly number[]>>,
  { contestants }: Comparison = comparison,
): readonly ContestantResult[] =>
  contestants
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
    expect(formatResults(resultsOf({ sft: [100, 400, 200] }))).toMatchInlineSnapshot(`
      "|     | median ms | min ms | tokens/s | peak MB | CPU ms | load | rounds |
      |-----|----------:|-------:|---------:|--------:|-------:|-----:|-------:|
      | sft |       200 |    100 |    10240 |     900 |    400 |  0.5 |      3 |"
    `);
  });
  it("says why a contestant did not run", () => {
    const [ours] = resultsOf({ sft: [] });
    expect(formatResults([{ ...ours!, failure: "no torch" }])).toContain("| sft |  no torch |");
  });
});

describe("pair", () => {
  it("compares with the fastest peer", () => {
    // oneDNN is faster: 100/160, 300/150, 120/150 have the median 0.8; smallest 100/150 = 0.67. Peaks 800 / 660 = 1.21.
    const pairs = pair(
      comparison,
      resultsOf({
        sft: [100, 300, 120],
        sft_step_nano: [200, 210, 190],
        "sft_step_nano, onednn": [160, 150, 150],
      }),
    );
    expect(formatPairings(pairs)).toMatchInlineSnapshot(`
      "| time of ours / of the peer         | median of pairs | min / min | CPU time |  target |     | peak memory |  target |        |
      |------------------------------------|----------------:|----------:|---------:|--------:|----:|------------:|--------:|-------:|
      | sft/5m sft / sft_step_nano, onednn |            0.80 |      0.67 |     0.80 | <= 0.90 | met |        1.21 | <= 1.00 | missed |"
    `);
  });
  it("says that a target is missed", () => {
    const pairs = pair(comparison, resultsOf({ sft: [91], sft_step_nano: [100] }));
    expect(formatPairings(pairs)).toContain("missed");
  });
  it("lists what was missed, with the target", () => {
    // 91 / 100 against 0.90; 91 / 120 is 0.76 against 0.80; 591 / 600 of memory against 1.
    const pairs = pair(comparison, resultsOf({ sft: [91], sft_step_nano: [100], sft_step_hf: [120] }));
    const names = missedTimes(pairs).map(({ result, target }) => `${result.peer} ${target}`);
    expect(names).toEqual(["sft_step_nano 0.9"]);
    expect(pairs[0]?.peerFigures).toEqual({ shortestMilliseconds: 100, peakMegabytes: 600 });
    expect(missedMemory(pairs)).toEqual([]);
    const [start] = comparisonsOf(["start"], []) as [Comparison];
    const slow = pair(start, resultsOf({ help: [], import: [31, 32, 29] }, start));
    expect(missedTimes(slow).map(({ target }) => target)).toEqual([30]);
  });
  it("does not call a target met that was not measured", () => {
    const pairs = pair(comparison, resultsOf({ sft: [100], sft_step_nano: [] }));
    expect(pairs[0]?.ratios).toBeNull();
    expect(formatPairings(pairs)).toContain("not measured");
  });
  it("leaves out what was not entered", () => {
    expect(pair(comparison, resultsOf({ sft: [100] }))).toEqual([]);
  });
  it("holds a Llama cell to 1.15 times its twin's ratio", () => {
    const cell = (size: "124m" | "135m", times: Readonly<Record<string, readonly number[]>>) => {
      const [twin] = comparisonsOf(["score"], [size]) as [Comparison];
      return pair(twin, resultsOf(times, twin));
    };
    // 0.8 x 1.15 = 0.92.
    const pairs = [
      ...cell("124m", { score: [80], score_hf: [100] }),
      ...cell("135m", { score: [93], score_hf: [100] }),
    ];
    const last = formatPairings(pairs).split("\n").at(-1);
    expect(last).toMatch(/^\| score\/135m score \/ score_hf .* 0\.93 .* <= 0\.92 \| missed/);
  });
  it("holds other backends to targets of their own", () => {
    const [on] = comparisonsOf(["sft"], ["5m"], ["onnx", "tfjs"]) as [Comparison];
    const results = resultsOf(
      { sft: [100], "sft, tfjs": [101], sft_step_nano: [100], sft_step_hf: [100] },
      on,
    );
    const cells = pair(on, results).map(({ pairing: { ours, target, memoryTarget } }) => [
      ours,
      typeof target,
      memoryTarget,
    ]);
    expect(cells).toEqual([
      ["sft", "number", 1],
      ["sft", "object", 1],
      ["sft, tfjs", "number", 1.6],
      ["sft, tfjs", "undefined", undefined],
      ["sft, tfjs", "undefined", undefined],
    ]);
    // 101 / 100 against 1.
    expect(missedTimes(pair(on, results)).map(({ result }) => result.pairing.ours)).toContain("sft, tfjs");
  });
  it("holds a command without a peer to milliseconds", () => {
    const [start] = comparisonsOf(["start"], []) as [Comparison];
    const pairs = pair(start, resultsOf({ help: [], import: [29, 31, 28] }, start));
    expect(formatPairings(pairs)).toMatch(/start import \/ - .* 29\.0 ms .* < 30 ms \| +met/);
  });
});

describe("a record", () => {
  it("keeps the newest of each row, in the order of the bench", () => {
    const row = (id: string, machine: string) => ({
      id,
      machine,
      commit: "",
      date: "",
      about: {},
      backends: ["onnx"],
      results: resultsOf({ sft: [1] }),
    });
    let record = withRow({ rows: [] }, row("score/5m", "a"));
    record = withRow(record, row("sft/5m", "a"));
    record = withRow(record, row("score/5m", "b"));
    expect(comparedRows(record).map(({ row: { id, machine } }) => `${id} ${machine}`)).toEqual([
      "sft/5m a",
      "score/5m b",
    ]);
  });
  it("adds rounds of the same commit, and only those", () => {
    const row = (commit: string, times: Readonly<Record<string, readonly number[]>>): RecordedRow => ({
      id: "sft/5m",
      machine: "a",
      commit,
      date: "2026-11-19",
      about: {},
      backends: ["onnx"],
      results: resultsOf(times),
    });
    const timesOf = ({ results }: RecordedRow) =>
      results.map(({ measurements }) => measurements.map(({ ms }) => ms));
    const earlier = { rows: [row("1f", { sft: [1, 2], sft_step_nano: [3, 4] })] };
    const added = (later: RecordedRow) => timesOf(withEarlierRounds(earlier, later));
    expect(added(row("1f", { sft: [5], sft_step_nano: [6] }))).toEqual([
      [1, 2, 5],
      [3, 4, 6],
    ]);
    expect(added(row("2e", { sft: [5], sft_step_nano: [6] }))).toEqual([[5], [6]]);
    expect(added(row("1f", { sft: [5], sft_step_hf: [6] }))).toEqual([[5], [6]]);
    const failed = row("1f", { sft: [5], sft_step_nano: [] });
    const [ours, peer] = failed.results;
    const results = [ours!, { ...peer!, failure: "out of memory" }];
    expect(added({ ...failed, results })).toEqual([[5], []]);
  });
});
