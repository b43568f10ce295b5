import type { DeviceTensor } from "@alignkit/core";
import { longestFirst, type RecordList, recordsAt } from "@alignkit/data";
import {
  type BatchSettings,
  longestRow,
  type RankingBatch,
  type RankingExample,
  sizeOf,
  toBatches,
} from "./batches.js";
import { calibrationError, reliabilityTable } from "./calibration.js";
import type { RewardFunctions } from "./functions.js";
import { addCounts, countRankings, noCounts, rankingMetrics } from "./metrics.js";
import { layOutRows, rowTensors } from "./rows.js";

interface Scorer {
  readonly functions: Pick<RewardFunctions, "scores">;
  readonly parameters: Readonly<Record<string, DeviceTensor>>;
  readonly settings: BatchSettings;
}

/**
 * Metrics of held-out rankings, names as in training with `eval_` in front; `eval_loss` has the divisor of training and
 * no centring. Beside them `eval_calibration_error`, and `eval_accuracy/<group>` for each group that examples name.
 * @param examples - at least one
 */
export async function evaluateRankings({
  functions,
  parameters,
  settings,
  examples,
}: Scorer & { readonly examples: RecordList<RankingExample> }): Promise<Record<string, number>> {
  // Rows of like length together: little padding, few graphs.
  const order = longestFirst(examples, longestRow);
  const size = sizeOf(examples);
  let counts = noCounts;
  let loss = 0;
  const differences: number[] = [];
  const groups = new Map<string, { pairs: number; correct: number }>();
  for (let start = 0; start < order.length; start += settings.prompts) {
    const taken = recordsAt(examples, order.slice(start, start + settings.prompts));
    const [batch] = toBatches(taken, settings, size) as [RankingBatch];
    const { scores } = await functions.scores({ parameters, ...rowTensors(batch) });
    const values = Array.from((await scores.read()).data.subarray(0, batch.responses));
    scores.dispose();
    counts = addCounts(counts, countRankings(values, batch.pairs));
    for (const [index, { better, worse }] of batch.pairs.entries()) {
      const difference = (values[better] as number) - (values[worse] as number);
      differences.push(difference);
      loss += (batch.weights[index] as number) * logistic(difference - (batch.margins[index] as number));
      const name = batch.groups[index];
      if (name === undefined) continue;
      const group = groups.get(name) ?? { pairs: 0, correct: 0 };
      groups.set(name, { pairs: group.pairs + 1, correct: group.correct + Number(difference > 0) });
    }
  }
  const metrics = {
    loss,
    ...rankingMetrics(counts),
    calibration_error: calibrationError(reliabilityTable(differences)),
    ...Object.fromEntries(
      [...groups].sort().map(([name, { pairs, correct }]) => [`accuracy/${name}`, correct / pairs]),
    ),
  };
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`eval_${name}`, value]));
}

/** -log sigmoid(x), stable at both ends. */
function logistic(x: number): number {
  return Math.max(-x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
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
}: Scorer & { readonly rows: RecordList<Int32Array>; readonly rowsPerPass: number }): Promise<Float64Array> {
  const order = longestFirst(rows, (row) => row.length);
  const scores = new Float64Array(rows.length);
  for (let start = 0; start < order.length; start += rowsPerPass) {
    const taken = order.slice(start, start + rowsPerPass);
    const alone = recordsAt(rows, taken).map((row) => [row]);
    const result = await functions.scores({ parameters, ...rowTensors(layOutRows(alone, 1, settings)) });
    const { data } = await result.scores.read();
    result.scores.dispose();
    for (const [place, index] of taken.entries()) scores[index] = data[place] as number;
  }
  return scores;
}
