import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { OrtApi } from "./ort-api.js";
import { checkProvider } from "./providers.js";
import { parseOptions, physicalCores } from "./settings.js";

const listing = (...builtProviders: string[]) => ({ version: "1.30.0", builtProviders }) as unknown as OrtApi;

describe("checkProvider", () => {
  it("names the provider files that are missing", () => {
    const folder = mkdtempSync(join(tmpdir(), "providers-"));
    writeFileSync(join(folder, "libonnxruntime_providers_shared.so"), "");
    expect(() => checkProvider(listing("CUDAExecutionProvider"), "cuda", folder, "linux")).toThrow(
      /^provider cuda: libonnxruntime_providers_cuda\.so missing in .*npm rebuild onnxruntime-node/,
    );
  });

  it("names what the library was built with instead", () => {
    expect(() => checkProvider(listing("CPUExecutionProvider"), "webgpu", "", "linux")).toThrow(
      "has no WebGpuExecutionProvider, only CPUExecutionProvider",
    );
  });
});

describe("parseOptions", () => {
  it("names every option that is wrong at once", () => {
    expect(() => parseOptions({ provider: "tpu", threads: 0, device: 1 })).toThrow(
      'onnx backend: provider is "tpu"; give one of cpu, webgpu, cuda; threads is 0; give a whole number of at least 1; ' +
        "device is not an option of the onnx backend",
    );
  });
});

describe("physicalCores", () => {
  const cores = (pairs: readonly (readonly [socket: number, core: number])[]) => () =>
    pairs
      .map(([socket, core], index) => `processor\t: ${index}\nphysical id\t: ${socket}\ncore id\t\t: ${core}`)
      .join("\n\n");

  it("counts two threads of one core once", () => {
    expect(
      physicalCores(
        cores([
          [0, 0],
          [0, 0],
        ]),
      ),
    ).toBe(1);
  });

  it("falls back to what may be used where the system does not tell", () => {
    expect(physicalCores(() => "")).toBeGreaterThan(0);
  });
});
