import type { Graph } from "../tensor.js";
import type { DType, HostTensor, Shape, TensorType } from "../types.js";

type None = Readonly<Record<never, never>>;

/** Ops that a backend must have a kernel for, with their attributes. */
export interface PrimitiveAttributes {
  // Leaves
  readonly input: { readonly name: string; readonly type: TensorType };
  readonly constant: { readonly value: HostTensor };
  /** Every element is `value`. */
  readonly fill: { readonly type: TensorType; readonly value: number };
  /** int32; element = its index along `axis`. */
  readonly iota: { readonly shape: Shape; readonly axis: number };

  // Elementwise, one operand
  readonly neg: None;
  readonly abs: None;
  readonly exp: None;
  readonly log: None;
  readonly sqrt: None;
  readonly tanh: None;
  readonly sigmoid: None;
  readonly erf: None;
  readonly sin: None;
  readonly cos: None;
  readonly not: None;
  readonly cast: { readonly dtype: DType };
  /** The value of input 0, computed after input 1: keeps a recomputation from being merged with its original. */
  readonly barrier: None;

  // Elementwise, operands of equal shape
  readonly add: None;
  readonly sub: None;
  readonly mul: None;
  readonly div: None;
  readonly maximum: None;
  readonly minimum: None;
  readonly equal: None;
  readonly less: None;
  readonly lessEqual: None;
  readonly and: None;
  readonly or: None;
  /** (condition: bool, whenTrue, whenFalse) */
  readonly select: None;

  // Reductions; reduced axes are kept with size 1
  readonly sum: { readonly axes: readonly number[] };
  readonly max: { readonly axes: readonly number[] };
  /** int32; the first maximum along the last axis, which is dropped. */
  readonly argMax: None;

  // Movement
  readonly reshape: { readonly shape: Shape };
  /** Axes of size 1 are repeated; the rank does not change. */
  readonly broadcastTo: { readonly shape: Shape };
  readonly transpose: { readonly permutation: readonly number[] };
  readonly slice: { readonly starts: readonly number[]; readonly ends: readonly number[] };
  /** Zeros (or false) before and after. */
  readonly pad: { readonly before: readonly number[]; readonly after: readonly number[] };
  readonly concat: { readonly axis: number };

  // Linear
  /** `[..., M, K] x [..., K, N]` with equal leading axes; `transposeA`: A is stored `[..., K, M]`, likewise B. */
  readonly matMul: { readonly transposeA: boolean; readonly transposeB: boolean };

  // Indexing
  /** (table `[R, ...rest]`, ids int32 `[...i]`) -> `[...i, ...rest]` */
  readonly takeRows: None;
  /** (base `[R, ...rest]`, ids int32 `[N]`, rows `[N, ...rest]`) -> base with `rows[n]` added to row `ids[n]` */
  readonly scatterAddRows: None;
  /** (x `[..., V]`, ids int32 `[...]`) -> `[...]` */
  readonly takeAlongLast: None;
  /** (values `[...]`, ids int32 `[...]`) -> `[..., size]`, zero but for `values` at `ids` */
  readonly scatterAlongLast: { readonly size: number };
  /** (base, update, start int32 `[]`) -> base with `update` written from `start` on along `axis` */
  readonly updateSlice: { readonly axis: number };
}

/** Ops that have a decomposition into others; a backend may take them whole. */
export interface CompositeAttributes {
  /** Over the last axis. */
  readonly softmax: None;
  readonly logSoftmax: None;
  /** (x `[..., D]`, weight `[D]`, bias `[D]`) -> y, mean `[..., 1]`, inverse deviation `[..., 1]` */
  readonly layerNorm: { readonly epsilon: number };
  /** (x `[..., D]`, weight `[D]`) -> y, inverse root mean square `[..., 1]` */
  readonly rmsNorm: { readonly epsilon: number };
  readonly gelu: { readonly approximate: "tanh" | "none" };
  readonly silu: None;
  /** (x `[B, H, T, R]`, cos, sin `[B or 1, 1, T, R]`): rotate-half form, halves of cos and sin equal. */
  readonly rotary: None;
  /**
   * (q `[B, H, T, Dh]`, k and v `[B, G, S, Dh]`, optional additive mask `[B or 1, 1, T, S]`) -> `[B, H, T, Dh]`;
   * query heads share key heads in groups of H / G.
   */
  readonly attention: {
    readonly scale: number;
    /**
     * Queries are taken in blocks of so many, and a block sees no key after its last query, whatever the mask says:
     * nearly half of the work falls away where attention is causal. The probabilities, `[B, H, T, S]`, are computed once
     * more in the backward pass instead of kept. Null: all at once, all keys. S is T where it is given.
     */
    readonly block: number | null;
  };
  /**
   * One new token per row on top of a cache, which it joins: (q `[B, H * Dh]`, k and v `[B, G * Dh]`, cached keys and
   * values `[B, G, S, Dh]`, lengths int32 `[B]`) -> `[B, H * Dh]`, keys, values. Row b has `lengths[b]` tokens in its
   * first slots; the new one goes to slot `lengths[b]`, and what lies in later slots is not read.
   */
  readonly cachedAttention: {
    readonly scale: number;
    /** Keys seen, the query's own included; null sees all. */
    readonly slidingWindow: number | null;
  };
  /** (x `[..., I]`, weight, optional bias `[O]`) -> `[..., O]`; weight `[O, I]` when transposed (as PyTorch), else `[I, O]`. */
  readonly linear: { readonly transposeWeight: boolean };
  /**
   * (x `[N, D]`, head weight `[V, D]`, targets int32 `[N]`) -> log-probability of the targets `[N]`, entropy `[N]`, nats.
   * One op, so that the gradient needs no pass over `[N, V]` but the products.
   */
  readonly linearTokenLogProbs: None;
  /**
   * (x `[N, W]`, ids int32 `[M]`, places int32 `[N]`) -> `[M, W]`, row m of it row `ids[m]` of x. Row n belongs to
   * `places[n]`, a place of its own; at the others stands any row, which has no gradient from there. So its gradient takes
   * rows, where that of `takeRows` has to add them up.
   */
  readonly spreadRows: None;
  /** The way back: (x `[M, W]`, places int32 `[N]`, ids int32 `[M]`) -> `[N, W]`, the rows at `places`. */
  readonly collectRows: None;
  /** Sum of squares over all elements, `[]`. */
  readonly sumSquares: None;
  /**
   * (parameter, gradient, m, v, learning rate, step size, denominator scale, gradient scale; scalars `[]`)
   * -> parameter, m, v. See optimizers/adamw.ts.
   */
  readonly adamWUpdate: {
    readonly beta1: number;
    readonly beta2: number;
    readonly epsilon: number;
    readonly weightDecay: number;
  };
  /** The body, recomputed instead of stored when it is differentiated. */
  readonly checkpoint: { readonly body: Graph };
  /** Input 0 as it is; no gradient flows through. */
  readonly stopGradient: None;
}

/** An op that every backend has. */
export type PrimitiveName = keyof PrimitiveAttributes;
/** An op that a backend may take whole. */
export type CompositeName = keyof CompositeAttributes;
/** Attributes by op. */
export type OpAttributes = PrimitiveAttributes & CompositeAttributes;
/** Any op. */
export type OpName = keyof OpAttributes;
