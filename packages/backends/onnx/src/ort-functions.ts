/**
 * The functions of ONNX Runtime's C API that are used, with their place in the function table.
 *
 * The table is append-only: "the ordering of these fields MUST NOT change after that version has shipped"
 * (`onnxruntime_c_api.h`), so one set of numbers serves every later version.
 *
 * Letters: `p` a pointer or handle (typed arrays and `bigint` alike), `s` a string, `i` an int, `z` a size, `v` nothing.
 * The first is the result (`p` = an `OrtStatus*`, null on success), the rest are the arguments.
 */
export const ortFunctions = {
  getErrorMessage: [2, "s:p"],
  createEnv: [3, "p:isp"],
  createSessionFromArray: [8, "p:ppzpp"],
  run: [9, "p:ppppzpzp"],
  createSessionOptions: [10, "p:p"],
  setSessionExecutionMode: [13, "p:pi"],
  enableProfiling: [14, "p:pp"],
  disableMemPattern: [17, "p:p"],
  setSessionGraphOptimizationLevel: [23, "p:pi"],
  setIntraOpNumThreads: [24, "p:pi"],
  createTensorAsOrtValue: [48, "p:ppzip"],
  createTensorWithDataAsOrtValue: [49, "p:ppzpzip"],
  createMemoryInfo: [68, "p:siiip"],
  createCpuMemoryInfo: [69, "p:iip"],
  releaseEnv: [92, "v:p"],
  releaseStatus: [93, "v:p"],
  releaseMemoryInfo: [94, "v:p"],
  releaseSession: [95, "v:p"],
  releaseValue: [96, "v:p"],
  releaseSessionOptions: [100, "v:p"],
  getAvailableProviders: [125, "p:pp"],
  releaseAvailableProviders: [126, "p:pi"],
  addSessionConfigEntry: [130, "p:pss"],
  createAllocator: [131, "p:ppp"],
  releaseAllocator: [132, "v:p"],
  createAndRegisterAllocator: [144, "p:ppp"],
  addInitializer: [150, "p:psp"],
  appendCudaProvider: [204, "p:pp"],
  createCudaProviderOptions: [205, "p:p"],
  releaseCudaProviderOptions: [208, "v:p"],
  addExternalInitializers: [210, "p:pppz"],
  appendExecutionProvider: [216, "p:psppz"],
} as const satisfies Readonly<Record<string, readonly [index: number, signature: string]>>;

export type OrtFunctionName = keyof typeof ortFunctions;

/** The version of the table that is asked for; the newest function above came with it or before. */
export const apiVersion = 22;
