import type { DeviceTensor } from "@alignkit/core";
import { type BatchSettings, padRows, type RankingExample, rowTensors, toBatches } from "./batches.js";
import type { RewardFunctions } from "./functions.js";
import { addCounts, countRankings, noCounts, rankingMetrics } from "./metrics.js";

interface Scorer {
  readonly functions: Pick<RewardFunctions, "scores">;
  readonly parameters: Readonly<Record<string, DeviceTensor>>;
  readonly settings: BatchSettings;
}

/**
 * Metrics of held-out rankings, names as in training with `eval_` in front; `eval_loss` has the divisor of training and
 * no centring.
 * @param examples - at least one
 */
export async function evaluateRankings({
  functions,
  parameters,
  settings,
  examples,
}: Scorer & { readonly examples: readonly RankingExample[] }): Promise<Record<string, number>> {
  // Rows of like length together: little padding, few graphs.
  const longest = ({ rows }: RankingExample) => Math.max(...rows.map((row) => row.length));
  const sorted = examples.toSorted((a, b) => longest(b) - longest(a));
  let counts = noCounts;
  let loss = 0;
  for (const batch of toBatches(sorted, settings)) {
    const { scores } = await functions.scores({ parameters, rows: rowTensors(batch) });
    const values = Array.from((await scores.read()).data.subarray(0, batch.responses));
    scores.dispose();
    counts = addCounts(counts, countRankings(values, batch.pairs));
    for (const [index, { better, worse }] of batch.pairs.entries()) {
      const difference =
        (values[better] as number) - (values[worse] as number) - (batch.margins[index] as number);
      // -log sigmoid(x), stable at both ends.
      loss +=
        (batch.weights[index] as number) *
        (Math.max(-difference, 0) + Math.log1p(Math.exp(-Math.abs(difference))));
    }
  }
  const metrics = Object.entries({ loss, ...rankingMetrics(counts) });
  return Object.fromEntries(metrics.map(([name, value]) => [`eval_${name}`, value]));
}

/**
 * Scores of single rows, without a bias, in their order.
 * @param rowsPerPass - rows of one forward pass
 */
export async function scoreRows({
  functions,
  parameters,
  settings,
  rows,
  rowsPerPass,
}: Scorer & { readonly rows: readonly Int32Array[]; readonly rowsPerPass: number }): Promise<Float64Array> {
  const order = rows.map((_, index) => index).sort((a, b) => length(rows, b) - length(rows, a));
  const scores = new Float64Array(rows.length);
  for (let start = 0; start < order.length; start += rowsPerPass) {
    const taken = order.slice(start, start + rowsPerPass);
    const padded = padRows(
      taken.map((index) => rows[index] as Int32Array),
      settings,
    );
    const result = await functions.scores({ parameters, rows: rowTensors(padded) });
    const { data } = await result.scores.read();
    result.scores.dispose();
    for (const [place, index] of taken.entries()) scores[index] = data[place] as number;
  }
  return scores;
}

function length(rows: readonly Int32Array[], index: number): number {
  return (rows[index] as Int32Array).length;
}
