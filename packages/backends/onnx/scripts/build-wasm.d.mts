/** The text of src/kernels/wasm-bytes.generated.ts, compiled from kernels/kernels.ts. */
export function generate(): Promise<string>;
