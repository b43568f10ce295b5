import {
  type Backend,
  type CompiledFunction,
  compileFunction,
  type DeviceTensor,
  type Tensor,
  takeRows,
} from "@alignkit/core";
import type { ModelConfig } from "../config.js";
import { type CacheTensors, type DecodeInputs, type DecodeOutputs, decode, decodeAxes } from "./decode.js";

type SelectInputs = { readonly cache: CacheTensors; readonly rows: Tensor };
type SelectOutputs = { readonly cache: CacheTensors };

/** What is compiled for one set of parameters; serves batches of all sizes. */
export interface DecoderProgram {
  readonly backend: Backend;
  readonly config: ModelConfig;
  readonly decode: CompiledFunction<DecodeInputs, DecodeOutputs>;
  /** Some rows of a cache, as a cache of their own. */
  readonly selectRows: CompiledFunction<SelectInputs, SelectOutputs>;
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
  return {
    backend,
    config,
    decode: compileFunction(backend, (inputs: DecodeInputs) => decode(config, inputs), {
      constants: { parameters },
      donate: ["cache"],
      dynamic: decodeAxes,
    }),
    selectRows: compileFunction(backend, selectRows, {
      dynamic: { cache: ["batch", null, "slots", null], rows: ["rows"] },
    }),
  };
}
