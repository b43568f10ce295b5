import {
  type Backend,
  type CompiledFunction,
  compileFunction,
  type DeviceTensor,
  type Tensor,
  takeRows,
} from "@alignkit/core";
import type { ModelConfig } from "../config.js";
import {
  type CacheTensors,
  type PrefillInputs,
  type PrefillMoreInputs,
  prefill,
  prefillAxes,
  prefillMore,
  prefillMoreAxes,
} from "./decode.js";
import { createStepper, type Stepper } from "./stepper.js";
import { tracesOf } from "./traces.js";

type SelectInputs = { readonly cache: CacheTensors; readonly rows: Tensor };
type SelectOutputs = { readonly cache: CacheTensors };

/** What is compiled for one set of parameters; serves batches of all sizes. */
export interface DecoderProgram {
  readonly backend: Backend;
  readonly config: ModelConfig;
  readonly parameters: Readonly<Record<string, DeviceTensor>>;
  /** Of tokens that are the first, and of those that follow them. */
  readonly prefill: CompiledFunction<PrefillInputs, ReturnType<typeof prefill>>;
  readonly prefillMore: CompiledFunction<PrefillMoreInputs, ReturnType<typeof prefillMore>>;
  readonly stepper: Stepper;
  /** Some rows of a cache, as a cache of their own. */
  readonly selectRows: CompiledFunction<SelectInputs, SelectOutputs>;
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
  // Large products gain nothing from weights in a form of their own, which would double their memory.
  const functions = {
    prefill: compileFunction(backend, (inputs: PrefillInputs) => prefill(config, inputs), {
      dynamic: prefillAxes,
      rows: "batch",
      traces: tracesOf(config, "prefill"),
    }),
    prefillMore: compileFunction(backend, (inputs: PrefillMoreInputs) => prefillMore(config, inputs), {
      donate: ["cache"],
      dynamic: prefillMoreAxes,
      rows: "batch",
      traces: tracesOf(config, "prefill_more"),
    }),
    stepper: createStepper(backend, config, parameters),
    selectRows: compileFunction(backend, selectRows, {
      donate: ["cache"],
      dynamic: { cache: ["batch", null, "slots", null], rows: ["rows"] },
      traces: tracesOf(config, "select_rows"),
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
