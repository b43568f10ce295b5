/** A power law through measured points. */

export interface PowerFit {
  /** y grows as x to this. */
  readonly exponent: number;
  /** Largest distance of a point from the law, as a factor. */
  readonly worst: number;
}

/** Least squares of `log y` on `log x`. @throws {RangeError} with fewer than two different x, or a value that is not positive */
export function fitPower(points: readonly (readonly [x: number, y: number])[]): PowerFit {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (column: 0 | 1) => logs.reduce((total, pair) => total + pair[column], 0) / logs.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const sum = (term: (x: number, y: number) => number) =>
    logs.reduce((total, [x, y]) => total + term(x - meanX, y - meanY), 0);
  const exponent = sum((x, y) => x * y) / sum((x) => x * x);
  if (!Number.isFinite(exponent)) {
    throw new RangeError(`fitPower: ${JSON.stringify(points)} are not positive points at different places`);
  }
  const distances = logs.map(([x, y]) => Math.abs(y - meanY - exponent * (x - meanX)));
  return { exponent, worst: Math.exp(Math.max(...distances)) };
}
