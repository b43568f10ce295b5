/**
 * Sizes that are known when a graph runs, found by comparing two traces of one function at different sizes.
 *
 * A size that differs between the traces is a free axis of an input, a multiple of a product of those, one of those plus
 * a constant, or one less another. Sizes of the traces are distinct primes, so products read in one way; among sums the
 * one with the smallest constant is meant.
 */
import { BackendError, type Graph, type Shape, type Tensor } from "@alignkit/core";

/** A free axis of an input. */
export interface FreeSize {
  readonly name: string;
  /** Where its size is read: input position and axis. */
  readonly input: number;
  readonly axis: number;
  /** Sizes in the two traces. */
  readonly sizes: readonly [number, number];
}

/** `factor * product(symbols) + offset - less` */
export interface Expression {
  readonly symbols: readonly FreeSize[];
  readonly factor: number;
  readonly offset: number;
  readonly less?: FreeSize;
}

export type Size = number | Expression;

/** Reads sizes as expressions in the symbols of one pair of traces. */
export interface SizeReader {
  readonly symbols: readonly FreeSize[];
  /** @throws {BackendError} when the sizes are no expression in the symbols */
  read(first: number, second: number): Size;
  readShape(first: Shape, second: Shape): readonly Size[];
}

/** Sizes as they are, for a graph without free axes. */
export const fixedSizes: SizeReader = { symbols: [], read: (size) => size, readShape: (shape) => shape };

function symbolsOf(graph: Graph, variant: Graph): readonly FreeSize[] {
  const found = new Map<string, FreeSize>();
  for (const [input, { shape }] of graph.inputs.entries()) {
    for (const [axis, first] of shape.entries()) {
      const second = (variant.inputs[input] as Tensor).shape[axis] as number;
      if (first === second || found.has(`${first}:${second}`)) continue;
      found.set(`${first}:${second}`, { name: `size_${found.size}`, input, axis, sizes: [first, second] });
    }
  }
  return [...found.values()];
}

/** All products of up to three symbols. */
function products(symbols: readonly FreeSize[]): readonly (readonly FreeSize[])[] {
  const sets: (readonly FreeSize[])[] = [];
  const extend = (chosen: readonly FreeSize[], from: number): void => {
    if (chosen.length > 0) sets.push(chosen);
    if (chosen.length === 3) return;
    for (let next = from; next < symbols.length; next++) extend([...chosen, symbols[next] as FreeSize], next);
  };
  extend([], 0);
  return sets.sort((a, b) => a.length - b.length);
}

const productOf = (symbols: readonly FreeSize[], trace: 0 | 1): number =>
  symbols.reduce((product, symbol) => product * symbol.sizes[trace], 1);

/** A reader for two traces of one function. */
export function createSizeReader(graph: Graph, variant: Graph): SizeReader {
  const symbols = symbolsOf(graph, variant);
  const sets = products(symbols);
  const read = (first: number, second: number): Size => {
    if (first === second) return first;
    for (const set of sets) {
      const factor = first / productOf(set, 0);
      if (factor === second / productOf(set, 1) && Number.isInteger(factor))
        return { symbols: set, factor, offset: 0 };
    }
    const sums = symbols
      .map((symbol) => ({ symbols: [symbol], factor: 1, offset: first - symbol.sizes[0] }))
      .filter(({ symbols: [symbol], offset }) => offset === second - (symbol as FreeSize).sizes[1]);
    const nearest = sums.sort((a, b) => Math.abs(a.offset) - Math.abs(b.offset))[0];
    if (nearest !== undefined) return nearest;
    for (const symbol of symbols)
      for (const less of symbols)
        if (first === symbol.sizes[0] - less.sizes[0] && second === symbol.sizes[1] - less.sizes[1])
          return { symbols: [symbol], factor: 1, offset: 0, less };
    const names = symbols.map(({ sizes }) => sizes.join(" or ")).join(", ");
    throw new BackendError(
      `onnx: a size of ${first} or ${second} does not follow from the free axes (${names})`,
    );
  };
  return {
    symbols,
    read,
    readShape: (first, second) => first.map((size, axis) => read(size, second[axis] as number)),
  };
}

/** The size in a run, given that of each symbol. */
export function evaluateSize(size: Size, values: ReadonlyMap<FreeSize, number>): number {
  if (typeof size === "number") return size;
  const { symbols, factor, offset, less } = size;
  const product = symbols.reduce((total, symbol) => total * (values.get(symbol) as number), factor);
  return product + offset - (less === undefined ? 0 : (values.get(less) as number));
}
