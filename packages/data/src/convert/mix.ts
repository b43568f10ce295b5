import type { Random } from "@alignkit/core";

/** One of the data sets of a mixture. */
export interface MixSource<Row> {
  readonly rows: AsyncIterable<Row>;
  /** Above 0; the share of its rows is this over the sum of all. */
  readonly weight: number;
}

/**
 * Rows of several data sets, each next one from a set drawn by weight. Ends with the first set that has no more, so that
 * the shares hold from the first row to the last; with one set it is that set.
 * @throws {RangeError} for a weight that is not above 0
 */
export async function* mixRows<Row>(sources: readonly MixSource<Row>[], random: Random): AsyncGenerator<Row> {
  const wrong = sources.find(({ weight }) => !(weight > 0 && Number.isFinite(weight)));
  if (wrong !== undefined) throw new RangeError(`mixRows: weight ${wrong.weight} is not above 0`);
  const open = sources.map(({ rows }) => rows[Symbol.asyncIterator]());
  const weights = sources.map(({ weight }) => weight);
  try {
    while (open.length > 0) {
      const { value, done } = await (open[draw(weights, random)] as AsyncIterator<Row>).next();
      if (done === true) return;
      yield value;
    }
  } finally {
    for (const iterator of open) await iterator.return?.();
  }
}

function draw(weights: readonly number[], random: Random): number {
  let place = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  const index = weights.findIndex((weight) => {
    place -= weight;
    return place < 0;
  });
  // Rounding may leave a trifle of the last one.
  return index === -1 ? weights.length - 1 : index;
}
