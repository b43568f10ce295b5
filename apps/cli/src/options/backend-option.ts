import { UsageError } from "../usage-error.js";

/** A backend and the options for its factory. */
export interface BackendChoice {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export const defaultBackend: BackendChoice = { name: "onnx", options: {} };

/**
 * `onnx`, `onnx:cuda` (the provider), `onnx,threads=4` or `onnx:cpu,threads=4`.
 * @throws {UsageError} when it is written otherwise
 */
export function parseBackend(text: string): BackendChoice {
  const [head = "", ...settings] = text.split(",");
  const [name = "", provider, ...rest] = head.split(":");
  const options: Record<string, unknown> = provider === undefined ? {} : { provider };
  const pairs = settings.map((setting) => setting.split("="));
  if (name === "" || provider === "" || rest.length > 0 || pairs.some((pair) => pair.length !== 2)) {
    throw new UsageError(`backend "${text}" is not understood; write onnx, onnx:cuda or onnx,threads=4`);
  }
  for (const [key = "", value = ""] of pairs) {
    options[key] = value !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
  }
  return { name, options };
}
