/** Angles of rotary positions, with the ways of scaling them to texts longer than those of the first training. */
import {
  add,
  cast,
  concat,
  constant,
  cos,
  exp,
  float32,
  log,
  max,
  maximum,
  mul,
  reshape,
  sin,
  type Tensor,
} from "@alignkit/core";
import type { RotaryPositions, RotaryScaling } from "./config.js";
import type { RotaryAngles } from "./decoder-layer.js";

/**
 * Cosine and sine of position times inverse frequency, each frequency twice (half-split pairs).
 * @param positionIds - int32 `[B, T]`
 * @see Su et al. 2021, section 3.2.2
 */
export function rotaryAngles(positions: RotaryPositions, positionIds: Tensor): RotaryAngles {
  const [batch, length] = positionIds.shape as [number, number];
  const places = reshape(cast(positionIds, "float32"), [batch, 1, length, 1]);
  const angles = mul(places, frequencies(positions, places));
  const paired = concat([angles, angles], 3);
  return { cosine: cos(paired), sine: sin(paired) };
}

/** `[1, 1, 1, R / 2]` */
function frequencies({ theta, dimensions, scaling }: RotaryPositions, places: Tensor): Tensor {
  const half = dimensions / 2;
  const unscaled = Array.from({ length: half }, (_, index) => theta ** (-index / half));
  const row = (values: readonly number[]) => constant(float32(Float32Array.from(values), [1, 1, 1, half]));
  if (scaling === null) return row(unscaled);
  if (scaling.kind === "dynamic") return mul(row(unscaled), dynamicStretch(scaling, row, half, places));
  return row(unscaled.map((frequency) => staticScalings[scaling.kind](frequency, scaling as never)));
}

type StaticScaling = Exclude<RotaryScaling, { kind: "dynamic" }>;

const staticScalings: {
  readonly [Kind in StaticScaling["kind"]]: (
    frequency: number,
    scaling: Extract<StaticScaling, { kind: Kind }>,
  ) => number;
} = {
  linear: (frequency, { factor }) => frequency / factor,
  llama3: (frequency, { factor, lowFrequencyFactor, highFrequencyFactor, originalLength }) => {
    // Turns in the original length, from "left alone" (1) to "divided" (0).
    const turns = (originalLength * frequency) / (2 * Math.PI);
    const kept = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
    const share = Math.min(1, Math.max(0, kept));
    return share * frequency + ((1 - share) * frequency) / factor;
  },
};

/**
 * What frequencies are multiplied by when theta grows to `theta * (factor * L / L0 - (factor - 1)) ^ (R / (R - 2))`,
 * with L the largest position of the batch plus 1, L0 the original length: 1 up to L0.
 * @see transformers' `_compute_dynamic_ntk_parameters`
 */
function dynamicStretch(
  { factor, originalLength }: Extract<RotaryScaling, { kind: "dynamic" }>,
  row: (values: readonly number[]) => Tensor,
  half: number,
  places: Tensor,
): Tensor {
  const length = maximum(add(max(places, [0, 2], true), 1), originalLength);
  const growth = add(mul(length, factor / originalLength), 1 - factor);
  // (growth ^ (R / (R - 2))) ^ (-index / half), and R / (R - 2) = half / (half - 1)
  const exponents = Array.from({ length: half }, (_, index) => (half === 1 ? 0 : -index / (half - 1)));
  return exp(mul(log(growth), row(exponents)));
}
