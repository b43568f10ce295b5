/** Execution providers: what they need, and what they are called. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BackendError, type CompositeName } from "@alignkit/core";
import { libraryFolder, providerFiles } from "./library.js";
import type { OrtApi, SessionSettings } from "./ort-api.js";
import type { ProviderName } from "./settings.js";

export interface Provider {
  /** As ONNX Runtime lists it. */
  readonly listedAs: string;
  /** What it computes on, in words. */
  readonly device: string;
  /** What sessions are given; `undefined` for the CPU, which is always there. */
  readonly session: SessionSettings["provider"];
  /** Name of its memory; `undefined` for the host's. */
  readonly memory: string | undefined;
  /** Composites that it computes wrongly, so that they are decomposed. */
  readonly without: readonly CompositeName[];
  /** What to do when it does not start. */
  readonly remedy: string;
}

export const providerTable: { readonly [K in ProviderName]: Provider } = {
  cpu: {
    listedAs: "CPUExecutionProvider",
    device: "CPU",
    session: undefined,
    memory: undefined,
    without: [],
    remedy: "",
  },
  webgpu: {
    listedAs: "WebGpuExecutionProvider",
    device: "WebGPU",
    session: { name: "WebGPU", options: {} },
    memory: "WebGPU_Buf",
    without: ["rmsNorm"], // its second result is left unwritten (1.30)
    remedy:
      "it needs a GPU with a driver for Vulkan (libvulkan and a driver file, on Linux), Direct3D 12 (Windows) or Metal (macOS); " +
      "Mesa 25 or later has one in software",
  },
  cuda: {
    listedAs: "CUDAExecutionProvider",
    device: "CUDA",
    session: { name: "CUDA", options: {} },
    memory: "Cuda",
    without: [],
    remedy: "it needs an NVIDIA GPU with its driver, CUDA 12 and cuDNN 9 on the library path",
  },
};

/**
 * Checks, before anything is tried, that the library was built with the provider and that its files are there.
 * @throws {BackendError} naming what is missing
 */
export function checkProvider(
  api: OrtApi,
  name: ProviderName,
  folder: string = libraryFolder(),
  platform: string = process.platform,
): void {
  const { listedAs } = providerTable[name];
  if (!api.builtProviders.includes(listedAs)) {
    throw new BackendError(
      `provider ${name}: this build of ONNX Runtime ${api.version} has no ${listedAs}, only ${api.builtProviders.join(", ")}`,
    );
  }
  const missing = (providerFiles[name]?.[platform] ?? []).filter((file) => !existsSync(join(folder, file)));
  if (missing.length > 0) {
    throw new BackendError(
      `provider ${name}: ${missing.join(" and ")} missing in ${folder}; onnxruntime-node downloads them when it is installed ` +
        "without ONNXRUNTIME_NODE_INSTALL=skip: remove that setting and run `npm rebuild onnxruntime-node`",
      { details: { missing, folder } },
    );
  }
}

/** Says what a provider that does not start may lack. */
export function explainProvider(name: ProviderName, cause: unknown): BackendError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new BackendError(
    `provider ${name} does not start: ${reason.trim()}; ${providerTable[name].remedy}`,
    { cause },
  );
}
