import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { BackendError } from "@alignkit/core";

/** How the shared library is called on each platform that `onnxruntime-node` ships one for. */
const libraryPattern: Readonly<Record<string, RegExp>> = {
  linux: /^libonnxruntime\.so(\.\d+)*$/,
  darwin: /^libonnxruntime(\.\d+)*\.dylib$/,
  win32: /^onnxruntime\.dll$/,
};

/** What a provider needs beside the shared library, by platform; an empty list means that it is built in. */
export const providerFiles: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  cuda: {
    linux: ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"],
    win32: ["onnxruntime_providers_shared.dll", "onnxruntime_providers_cuda.dll"],
  },
};

/** The folder of `onnxruntime-node` that holds the libraries of this platform. */
export function libraryFolder(
  platform: string = process.platform,
  architecture: string = process.arch,
): string {
  let manifest: string;
  try {
    manifest = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
  } catch (cause) {
    throw new BackendError("onnxruntime-node is not installed; run `npm install onnxruntime-node`", {
      cause,
    });
  }
  return join(dirname(manifest), "bin", "napi-v6", platform, architecture);
}

/**
 * Path of ONNX Runtime's shared library for this machine.
 * @throws {BackendError} when `onnxruntime-node` is absent or ships no library for the platform
 */
export function findLibrary(
  platform: string = process.platform,
  architecture: string = process.arch,
): string {
  const folder = libraryFolder(platform, architecture);
  const pattern = libraryPattern[platform];
  const file =
    pattern && existsSync(folder) ? readdirSync(folder).find((name) => pattern.test(name)) : undefined;
  if (file === undefined) {
    throw new BackendError(
      `onnxruntime-node ships no library for ${platform}-${architecture}: looked for ${pattern?.source ?? "a library"} in ${folder}; ` +
        "use a platform that it supports, or another backend",
      { details: { platform, architecture, folder } },
    );
  }
  return join(folder, file);
}
