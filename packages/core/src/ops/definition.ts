import type { Tensor } from "../tensor.js";
import type { HostData, HostTensor, TensorType } from "../types.js";
import type { CompositeName, OpAttributes, OpName, PrimitiveName } from "./attributes.js";
import type { Infer } from "./infer.js";

/**
 * Writes the results into `outputs`, which come zeroed. This is the meaning of the op:
 * backends are held against it.
 */
export type Evaluate<K extends OpName> = (
  inputs: readonly HostTensor[],
  attributes: OpAttributes[K],
  outputs: readonly { readonly type: TensorType; readonly data: HostData }[],
) => void;

/** What a gradient rule is given. */
export interface GradientContext<K extends OpName> {
  readonly inputs: readonly Tensor[];
  readonly attributes: OpAttributes[K];
  readonly outputs: readonly Tensor[];
  /** Gradient of the loss with respect to each result; `undefined` where the loss does not depend on it. */
  readonly gradients: readonly (Tensor | undefined)[];
  /** Reverse mode itself, for rules that differentiate a body. */
  readonly differentiate: Differentiate;
}

/** Gradients with respect to `wrt`, from those of `outputs`; `undefined` where none flows. */
export type Differentiate = (
  outputs: readonly Tensor[],
  gradients: readonly (Tensor | undefined)[],
  wrt: readonly Tensor[],
) => readonly (Tensor | undefined)[];

/** Gradient with respect to each input, `undefined` where none flows. */
export type GradientRule<K extends OpName> = (context: GradientContext<K>) => readonly (Tensor | undefined)[];

/** All there is to know of a primitive. */
export interface PrimitiveDefinition<K extends PrimitiveName> {
  readonly infer: Infer<K>;
  readonly evaluate: Evaluate<K>;
  /** `null`: piecewise constant or not a float, so no gradient flows. */
  readonly gradient: GradientRule<K> | null;
}

/** All there is to know of a composite. */
export interface CompositeDefinition<K extends CompositeName> {
  readonly infer: Infer<K>;
  /** The same results from other ops. */
  readonly decompose: (inputs: readonly Tensor[], attributes: OpAttributes[K]) => readonly Tensor[];
  /** Absent: through the decomposition. `null`: no gradient flows. */
  readonly gradient?: GradientRule<K> | null;
}

/** What a kind's file gives for its ops; `infer` comes from infer.ts. */
export type PrimitivePart<K extends PrimitiveName> = {
  readonly [N in K]: Omit<PrimitiveDefinition<N>, "infer">;
};
export type CompositePart<K extends CompositeName> = {
  readonly [N in K]: Omit<CompositeDefinition<N>, "infer">;
};

/** The gradient of the only result, for ops that have one. */
export function only(gradients: readonly (Tensor | undefined)[]): Tensor {
  return gradients[0] as Tensor;
}
