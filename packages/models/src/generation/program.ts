import {
  type Backend,
  type CompiledFunction,
  compileFunction,
  type DeviceTensor,
  exactDivide,
  reshape,
  type Tensor,
  takeRows,
} from "@alignkit/core";
import type { ModelConfig } from "../config.js";
import { type CacheTensors, type PrefillInputs, prefill, prefillAxes } from "./decode.js";
import { createStepper, type Stepper } from "./stepper.js";
import { tracesOf } from "./traces.js";
import { blockSize } from "./weights.js";

type SelectInputs = { readonly cache: CacheTensors; readonly rows: Tensor };
type SelectOutputs = { readonly cache: CacheTensors };
type PickInputs = { readonly weights: Tensor; readonly places: Tensor };

/** What is compiled for one set of parameters; serves batches of all sizes. */
export interface DecoderProgram {
  readonly backend: Backend;
  readonly config: ModelConfig;
  readonly parameters: Readonly<Record<string, DeviceTensor>>;
  /** Of tokens that are the first, and of those that follow them. */
  readonly prefill: CompiledFunction<PrefillInputs, ReturnType<typeof prefill>>;
  readonly prefillMore: CompiledFunction<PrefillInputs, ReturnType<typeof prefill>>;
  readonly stepper: Stepper;
  /** Some rows of a cache, as a cache of their own. */
  readonly selectRows: CompiledFunction<SelectInputs, SelectOutputs>;
  /** Some blocks of weights, `[B, N * blockSize]`, by their places among the `B * N`. */
  readonly pickBlocks: CompiledFunction<PickInputs, { readonly picked: Tensor }>;
  dispose(): Promise<void>;
}

/** The parameters must live as long as the program; they stay the caller's. */
export function createDecoderProgram(
  backend: Backend,
  config: ModelConfig,
  parameters: Readonly<Record<string, DeviceTensor>>,
): DecoderProgram {
  const selectRows = ({ cache, rows }: SelectInputs): SelectOutputs => {
    const select = (tensors: readonly Tensor[]) => tensors.map((tensor) => takeRows(tensor, rows));
    return { cache: { keys: select(cache.keys), values: select(cache.values) } };
  };
  const pickBlocks = ({ weights, places }: PickInputs) => {
    const [batch, size] = weights.shape as [number, number];
    return {
      picked: takeRows(
        reshape(weights, [batch * exactDivide(size, blockSize, "weights"), blockSize]),
        places,
      ),
    };
  };
  // Large products gain nothing from weights in a form of their own, which would double their memory.
  const compilePrefill = (isFirst: boolean) =>
    compileFunction(backend, (inputs: PrefillInputs) => prefill(config, inputs, isFirst), {
      donate: ["cache"],
      dynamic: prefillAxes,
      rows: "batch",
      traces: tracesOf(config, isFirst ? "prefill" : "prefill_more"),
    });
  const functions = {
    prefill: compilePrefill(true),
    prefillMore: compilePrefill(false),
    stepper: createStepper(backend, config, parameters),
    selectRows: compileFunction(backend, selectRows, {
      donate: ["cache"],
      dynamic: { cache: ["batch", null, "slots", null], rows: ["rows"] },
      traces: tracesOf(config, "select_rows"),
    }),
    pickBlocks: compileFunction(backend, pickBlocks, {
      dynamic: { weights: ["batch", null], places: ["places"] },
      traces: tracesOf(config, "pick_blocks"),
    }),
  };
  return {
    backend,
    config,
    parameters,
    ...functions,
    async dispose() {
      for (const compiled of Object.values(functions)) await compiled.dispose();
    },
  };
}
