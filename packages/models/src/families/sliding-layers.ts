/** Sliding windows as Qwen's configurations spell them: a switch, a width, and which layers have it. */
import { z } from "zod";
import type { DecoderConfig } from "../config.js";
import { positiveInteger, withDefault } from "./fields.js";

const layerTypes = ["full_attention", "sliding_attention"];

export const slidingLayerFields = {
  use_sliding_window: withDefault(z.boolean(), false),
  sliding_window: positiveInteger.nullable().default(4096),
  max_window_layers: z.int().nonnegative().nullish(),
  layer_types: z.array(z.enum(layerTypes)).nullish(),
};

type SlidingLayerFields = z.output<z.ZodObject<typeof slidingLayerFields>> & {
  readonly num_hidden_layers: number;
};

/** Of each layer, whether it slides; `layer_types` before `max_window_layers`, as in transformers. */
function slides(given: SlidingLayerFields): readonly boolean[] {
  const hasWindow = given.use_sliding_window && given.sliding_window !== null;
  const first = given.max_window_layers ?? 28;
  return Array.from(
    { length: given.num_hidden_layers },
    (_, layer) =>
      hasWindow && (given.layer_types?.[layer] ?? layerTypes[Number(layer >= first)]) === "sliding_attention",
  );
}

/** Refuses models that slide in some layers only: masks are shared by all layers. */
export function checkSlidingLayers(given: SlidingLayerFields, context: z.RefinementCtx): void {
  const sliding = slides(given).filter(Boolean).length;
  if (sliding === 0 || sliding === given.num_hidden_layers) return;
  context.addIssue({
    code: "custom",
    path: [
      given.layer_types === null || given.layer_types === undefined ? "max_window_layers" : "layer_types",
    ],
    message: `${sliding} of ${given.num_hidden_layers} layers would have the sliding window; supported are all or none`,
  });
}

/** Keys seen per query, or null. */
export const windowOf = (given: SlidingLayerFields): number | null =>
  slides(given).some(Boolean) ? given.sliding_window : null;

export function writeSlidingLayers({ attention, layers }: DecoderConfig) {
  const { slidingWindow } = attention;
  return {
    use_sliding_window: slidingWindow !== null,
    sliding_window: slidingWindow,
    max_window_layers: slidingWindow === null ? layers : 0,
    layer_types: Array.from({ length: layers }, () => layerTypes[Number(slidingWindow !== null)]),
  };
}
