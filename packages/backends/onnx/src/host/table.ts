/**
 * Ops that run outside ONNX Runtime, over memory of the host.
 *
 * A kernel overwrites: `writes[i]` is the input that result i is made of, or `undefined` for a result of its own.
 * Whoever calls it has made sure that those inputs may be overwritten, by a copy where need be.
 */
import { BackendError, checkIds, type OpAttributes, type OpName, type Shape, sizeOf } from "@alignkit/core";
import type { HostKernels } from "../kernels/host-kernels.js";
import { keepsZeros } from "../kernels/simd.js";
import type { HostArray } from "../tensor-memory.js";
import { findTouched, nothingTouched, type Touched, unionOf, withRows } from "../touched.js";

export interface HostArgument {
  readonly shape: Shape;
  readonly data: HostArray;
  readonly touched: Touched | undefined;
}

export interface HostKernel<K extends OpName> {
  /** Whether no model can compute it, so that it is the host's even when a model reads the result. */
  readonly isExclusive: boolean;
  readonly writes: readonly (number | undefined)[];
  /**
   * For a kernel of one result, of its own: the input in whose memory it may lie as well if nothing needs that any more.
   * The result is no larger then.
   */
  mayLieIn?(inputs: readonly HostArgument[]): number | undefined;
  /** Whether memory of results of its own is 0 before. */
  readonly startsAtZero?: true;
  /**
   * @param fresh - memory of the results that are made of no input, in order
   * @returns for each result where it may be other than 0; nothing is known if nothing is told
   */
  run(
    kernels: HostKernels,
    inputs: readonly HostArgument[],
    attributes: OpAttributes[K],
    fresh: readonly HostArray[],
  ): Known | void | Promise<Known> | Promise<void>;
}

type Known = readonly (Touched | undefined)[];

export type HostOpName =
  | "fill"
  | "adamWUpdate"
  | "sumSquares"
  | "scatterAddRows"
  | "takeRows"
  | "updateSlice";

export const hostTable: { readonly [K in HostOpName]: HostKernel<K> } = {
  fill: {
    isExclusive: false,
    writes: [undefined],
    startsAtZero: true,
    run(_, __, { value }, [result]) {
      if (Object.is(value, 0)) return [nothingTouched(result!.length)];
      result!.fill(value);
    },
  },
  adamWUpdate: {
    isExclusive: true,
    writes: [0, 2, 3],
    async run(kernels, inputs, settings) {
      const [parameter, gradient, first, second] = inputs.map(({ data }) => data) as readonly Float32Array[];
      const scalar = (position: number): number => inputs[position]?.data[0] as number;
      const scalars = {
        ...settings,
        learningRate: scalar(4),
        stepSize: scalar(5),
        denominatorScale: scalar(6),
        gradientScale: scalar(7),
      };
      const known = inputs.map(({ touched }) => touched);
      const touched =
        known[1] !== undefined && keepsZeros(scalars)
          ? unionOf(known[1], known[2] ?? findTouched(first!), known[3] ?? findTouched(second!))
          : undefined;
      await kernels.adamW(
        { parameter: parameter!, gradient: gradient!, first: first!, second: second! },
        scalars,
        touched,
      );
      return [undefined, touched, touched];
    },
  },
  sumSquares: {
    isExclusive: false,
    writes: [undefined],
    async run(kernels, [x], _, [total]) {
      total![0] = await kernels.sumSquares(x!.data as Float32Array, x!.touched);
    },
  },
  scatterAddRows: {
    isExclusive: false,
    writes: [0],
    run(kernels, [base, ids, rows]) {
      const limit = base!.shape[0] as number;
      const position = ids!.data.findIndex((id) => id < 0 || id >= limit);
      if (position >= 0) {
        const id = ids!.data[position];
        throw new BackendError(`scatterAddRows: id ${id} at position ${position} is outside 0..${limit - 1}`);
      }
      kernels.addRows(base!.data as Float32Array, ids!.data, rows!.data as Float32Array);
      return [base!.touched && withRows(base!.touched, ids!.data, sizeOf(base!.shape.slice(1)))];
    },
  },
  takeRows: {
    isExclusive: false,
    writes: [undefined],
    // Row n is read before anything is written where it stands, or behind it.
    mayLieIn: ([, ids]) => (ids!.data.every((id, n) => id >= n) ? 0 : undefined),
    run(_, [table, ids], __, [rows]) {
      checkIds("takeRows", ids!.data, table!.shape[0] as number);
      const width = sizeOf(table!.shape.slice(1));
      const isInPlace = rows!.buffer === table!.data.buffer && rows!.byteOffset === table!.data.byteOffset;
      for (const [n, id] of ids!.data.entries()) {
        if (isInPlace && id === n) continue;
        rows!.set(table!.data.subarray(id * width, (id + 1) * width), n * width);
      }
    },
  },
  updateSlice: {
    isExclusive: false,
    writes: [0],
    run(_, [base, update, start], { axis }) {
      const size = base!.shape[axis] as number;
      const length = update!.shape[axis] as number;
      const first = start!.data[0] as number;
      if (first < 0 || first + length > size) {
        throw new BackendError(
          `updateSlice: ${length} entries from ${first} on do not fit an axis of ${size}`,
        );
      }
      const width = sizeOf(base!.shape.slice(axis + 1));
      const piece = length * width;
      for (let outer = 0; outer < sizeOf(base!.shape.slice(0, axis)); outer++) {
        base!.data.set(
          update!.data.subarray(outer * piece, (outer + 1) * piece),
          (outer * size + first) * width,
        );
      }
    },
  },
};

export const isHostOp = (op: OpName): op is HostOpName => op in hostTable;
