/**
 * ONNX Runtime's C API through koffi: the only file that touches the shared library.
 *
 * Handles are pointers as `bigint`. Who makes a handle releases it. Memory given to {@link OrtApi.createTensor} or
 * {@link OrtApi.createSession} is not copied: keep its array referenced, and unmoved, for as long as the handle lives.
 */
import { type AlignkitError, BackendError } from "@alignkit/core";
import koffi from "koffi";
import { apiVersion, type OrtFunctionName, ortFunctions } from "./ort-functions.js";

export type Handle = bigint;

/** Element types of ONNX (`TensorProto.DataType`), those that the backend uses. */
export const elementTypes = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 } as const;
export type ElementType = keyof typeof elementTypes;

export type Memory = ArrayBufferView;

/** A weight handed over from memory that is already held. */
export interface ExternalInitializer {
  readonly name: string;
  readonly value: Handle;
  /** Whether the session may look at it while it is made, to fold constants; that costs a copy. */
  readonly isReadable: boolean;
}

export interface SessionSettings {
  /** Threads of one operator; physical cores are best. */
  readonly threads: number;
  /** Execution provider and its options; the CPU needs none. */
  readonly provider?: { readonly name: string; readonly options: Readonly<Record<string, string>> };
  readonly initializers?: readonly ExternalInitializer[];
  /** Session configuration entries, as in `onnxruntime_session_options_config_keys.h`. */
  readonly entries?: Readonly<Record<string, string>>;
  /** When given, a profile is written to `<prefix>_<time>.json` as the session is released. */
  readonly profilePrefix?: string;
}

/** Names and values of one run, in the same order. Outputs are written in place. */
export interface RunArguments {
  readonly inputNames: NameList;
  readonly inputs: readonly Handle[];
  readonly outputNames: NameList;
  readonly outputs: readonly Handle[];
}

/** Names as C strings, encoded once. */
export class NameList {
  readonly #texts: readonly Buffer[];
  readonly pointers: BigUint64Array;

  constructor(readonly names: readonly string[]) {
    this.#texts = names.map((name) => Buffer.from(`${name}\0`, "utf8"));
    this.pointers = new BigUint64Array(this.#texts.map((text) => koffi.address(text)));
  }
}

export interface OrtApi {
  /** Such as `1.30.0`. */
  readonly version: string;
  /** Providers that the library was built with; not what the machine has. */
  readonly builtProviders: readonly string[];
  createSession(model: Uint8Array, settings: SessionSettings): Promise<Handle>;
  releaseSession(session: Handle): void;
  /** A tensor over memory of the host. */
  createTensor(data: Memory, type: ElementType, shape: readonly number[]): Handle;
  /** A tensor in memory of an allocator, see {@link OrtApi.createAllocator}. */
  createDeviceTensor(allocator: Handle, type: ElementType, shape: readonly number[]): Handle;
  releaseTensor(value: Handle): void;
  /** The allocator of a session for a kind of memory, such as `WebGPU_Buf` or `Cuda`. */
  createAllocator(session: Handle, memoryName: string): Handle;
  releaseAllocator(allocator: Handle): void;
  /** Runs on a thread of its own; the event loop goes on. */
  run(session: Handle, values: RunArguments): Promise<void>;
  /** Runs on this thread: cheaper to start, for runs that are short. */
  runSync(session: Handle, values: RunArguments): void;
  dispose(): void;
}

type NativeFunction = ((...values: unknown[]) => unknown) & { async: (...values: unknown[]) => void };
type Functions = Readonly<Record<OrtFunctionName, NativeFunction>>;

const pointer = "void *";
const letters: Readonly<Record<string, string>> = { p: pointer, s: "str", i: "int", z: "size_t", v: "void" };

function prototype(signature: string): ReturnType<typeof koffi.proto> {
  const [result, values] = signature.split(":") as [string, string];
  return koffi.proto(
    letters[result] as string,
    [...values].map((letter) => letters[letter] as string),
  );
}

/** Native code runs on stacks that koffi sets aside; ONNX Runtime needs as much as a usual thread has. */
const stackSize = 8 << 20;

/** @throws {BackendError} when koffi was set up with less by someone else; it takes settings before its first library only */
function ensureStacks(): void {
  const { sync_stack_size: sync = 0, async_stack_size: async = 0 } = koffi.config();
  if (sync >= stackSize && async >= stackSize) return;
  try {
    koffi.config({
      sync_stack_size: Math.max(sync, stackSize),
      async_stack_size: Math.max(async, stackSize),
    });
  } catch (cause) {
    throw new BackendError(
      `koffi was loaded with stacks of ${sync} and ${async} bytes, ONNX Runtime needs ${stackSize}: make the onnx backend ` +
        "before other libraries are loaded through koffi, or set koffi.config({ sync_stack_size, async_stack_size }) first",
      { cause },
    );
  }
}

/** Reads the function table, checking that no entry that is used is empty. */
function readTable(path: string): {
  readonly library: unknown;
  readonly version: string;
  readonly functions: Functions;
} {
  ensureStacks();
  let library: ReturnType<typeof koffi.load>;
  let base: bigint;
  try {
    library = koffi.load(path);
    base = library.func("OrtGetApiBase", pointer, [])() as bigint;
  } catch (cause) {
    throw new BackendError(`cannot load ONNX Runtime from ${path}: ${(cause as Error).message}`, { cause });
  }
  const at = (table: bigint, index: number, signature: string): NativeFunction | undefined => {
    const address = koffi.decode(table, index * 8, pointer) as bigint | null;
    return address === null ? undefined : koffi.decode(address, prototype(signature));
  };
  const getVersion = at(base, 1, "s:") as NativeFunction;
  const version = getVersion() as string;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major !== 1 || minor < apiVersion) {
    throw new BackendError(
      `${path} is ONNX Runtime ${version}; version 1.${apiVersion} or a later 1.x is needed`,
    );
  }
  const getApi = at(base, 0, "p:i") as NativeFunction;
  const table = getApi(apiVersion) as bigint | null;
  if (table === null) throw new BackendError(`${path} refuses version ${apiVersion} of the C API`);
  const functions: Partial<Record<OrtFunctionName, NativeFunction>> = {};
  for (const [name, [index, signature]] of Object.entries(ortFunctions)) {
    const entry = at(table, index, signature);
    if (entry === undefined)
      throw new BackendError(`${path}: entry ${index} (${name}) of the C API is empty`);
    functions[name as OrtFunctionName] = entry;
  }
  return { library, version, functions: functions as Functions };
}

function dimensions(shape: readonly number[]): BigInt64Array {
  return new BigInt64Array(shape.map(BigInt));
}

/** An array of `char *` with the strings it points to; keep both referenced during the call. */
function pointerArray(texts: readonly string[]): NameList {
  return new NameList(texts);
}

function readProviders(
  functions: Functions,
  check: (status: unknown, place: string) => void,
): readonly string[] {
  const out = new BigUint64Array(1);
  const length = new Int32Array(1);
  check(functions.getAvailableProviders(out, length), "GetAvailableProviders");
  const list = out[0] as bigint;
  const names = Array.from(
    { length: length[0] as number },
    (_, index) => koffi.decode(list, index * 8, "str") as string,
  );
  functions.releaseAvailableProviders(list, length[0]);
  return names;
}

/**
 * Loads ONNX Runtime from a shared library.
 * @param path - see `findLibrary`
 * @throws {BackendError} when the library cannot be loaded, is too old, or its table has holes
 */
export function loadOrtApi(path: string): OrtApi {
  const { library, version, functions } = readTable(path);
  const toError = (status: bigint, place: string): AlignkitError => {
    const text = functions.getErrorMessage(status) as string;
    functions.releaseStatus(status);
    return new BackendError(`ONNX Runtime ${version}, ${place}: ${text}`);
  };
  const check = (status: unknown, place: string): void => {
    if (status !== null) throw toError(status as bigint, place);
  };
  const create = (place: string, call: (out: BigUint64Array) => unknown): Handle => {
    const out = new BigUint64Array(1);
    check(call(out), place);
    return out[0] as bigint;
  };
  /** What running calls point at: referenced from here, because native code holds addresses only. */
  const inUse = new Set<unknown>([library]); // koffi unloads a library that nothing refers to
  const callAsync = (
    fn: NativeFunction,
    values: readonly unknown[],
    keep: unknown,
    place: string,
  ): Promise<void> =>
    new Promise((resolve, reject) => {
      inUse.add(keep);
      fn.async(...values, (error: Error | null, status: bigint | null) => {
        inUse.delete(keep);
        if (error !== null) reject(new BackendError(`${place}: ${error.message}`, { cause: error }));
        else if (status !== null) reject(toError(status, place));
        else resolve();
      });
    });

  const logWarningsAndWorse = 3; // ORT_LOGGING_LEVEL_ERROR: warnings would go to stderr, past the logger
  const environment = create("CreateEnv", (out) => functions.createEnv(logWarningsAndWorse, "alignkit", out));
  const hostMemory = create("CreateCpuMemoryInfo", (out) => functions.createCpuMemoryInfo(0, 0, out));
  // One arena for all sessions: their intermediate values take turns in it, instead of each keeping a peak of its own.
  const arenaMemory = create("CreateCpuMemoryInfo", (out) => functions.createCpuMemoryInfo(1, 0, out));
  check(functions.createAndRegisterAllocator(environment, arenaMemory, null), "CreateAndRegisterAllocator");
  functions.releaseMemoryInfo(arenaMemory);
  const builtProviders = readProviders(functions, check);

  const appendProvider = (options: Handle, provider: NonNullable<SessionSettings["provider"]>): void => {
    const keys = pointerArray(Object.keys(provider.options));
    const values = pointerArray(Object.values(provider.options));
    if (provider.name === "CUDA") {
      const cuda = create("CreateCUDAProviderOptions", (out) => functions.createCudaProviderOptions(out));
      try {
        check(functions.appendCudaProvider(options, cuda), "provider CUDA");
      } finally {
        functions.releaseCudaProviderOptions(cuda);
      }
      return;
    }
    const count = keys.names.length;
    const status = functions.appendExecutionProvider(
      options,
      provider.name,
      keys.pointers,
      values.pointers,
      count,
    );
    check(status, `provider ${provider.name}`);
  };

  const sessionOptions = (settings: SessionSettings): Handle => {
    const options = create("CreateSessionOptions", (out) => functions.createSessionOptions(out));
    try {
      check(functions.setSessionExecutionMode(options, 0), "SetSessionExecutionMode");
      check(functions.setSessionGraphOptimizationLevel(options, 99), "SetSessionGraphOptimizationLevel");
      check(functions.setIntraOpNumThreads(options, settings.threads), "SetIntraOpNumThreads");
      check(functions.disableMemPattern(options), "DisableMemPattern");
      const entries = {
        "session.use_env_allocators": "1",
        // Else threads of one session turn idly beside the next one's work, and beside that of the host.
        "session.force_spinning_stop": "1",
        // They would undo what lower/transposed-product.ts does.
        "optimization.disable_specified_optimizers": "GemmTransposeFusion;MatmulTransposeFusion",
        ...settings.entries,
      };
      for (const [key, value] of Object.entries(entries)) {
        check(functions.addSessionConfigEntry(options, key, value), key);
      }
      if (settings.profilePrefix !== undefined) {
        const encoding = process.platform === "win32" ? "utf16le" : "utf8"; // ORTCHAR_T is wchar_t on Windows
        const prefix = Buffer.from(`${settings.profilePrefix}\0`, encoding);
        check(functions.enableProfiling(options, prefix), "EnableProfiling");
      }
      if (settings.provider !== undefined) appendProvider(options, settings.provider);
      const initializers = settings.initializers ?? [];
      for (const { name, value } of initializers) {
        check(functions.addInitializer(options, name, value), "AddInitializer");
      }
      const readable = initializers.filter(({ isReadable }) => isReadable);
      if (readable.length > 0) {
        const names = pointerArray(readable.map(({ name }) => name));
        const values = new BigUint64Array(readable.map(({ value }) => value));
        const status = functions.addExternalInitializers(options, names.pointers, values, readable.length);
        check(status, "AddExternalInitializers");
      }
      return options;
    } catch (error) {
      functions.releaseSessionOptions(options);
      throw error;
    }
  };

  const runValues = (
    session: Handle,
    values: RunArguments,
  ): { readonly list: readonly unknown[]; readonly keep: unknown } => {
    const inputs = new BigUint64Array(values.inputs);
    const outputs = new BigUint64Array(values.outputs);
    const address = (array: BigUint64Array) => koffi.address(array);
    const list = [
      session,
      null,
      address(values.inputNames.pointers),
      address(inputs),
      inputs.length,
      address(values.outputNames.pointers),
      outputs.length,
      address(outputs),
    ];
    return { list, keep: [inputs, outputs, values] };
  };

  return {
    version,
    builtProviders,
    async createSession(model, settings) {
      const options = sessionOptions(settings);
      const out = new BigUint64Array(1);
      try {
        const values = [environment, koffi.address(model), model.byteLength, options, koffi.address(out)];
        await callAsync(functions.createSessionFromArray, values, [model, out, settings], "CreateSession");
        return out[0] as bigint;
      } finally {
        functions.releaseSessionOptions(options);
      }
    },
    releaseSession: (session) => void functions.releaseSession(session),
    createTensor(data, type, shape) {
      const sizes = dimensions(shape);
      return create("CreateTensor", (out) =>
        functions.createTensorWithDataAsOrtValue(
          hostMemory,
          koffi.address(data),
          data.byteLength,
          sizes,
          sizes.length,
          elementTypes[type],
          out,
        ),
      );
    },
    createDeviceTensor(allocator, type, shape) {
      const sizes = dimensions(shape);
      return create("CreateTensorAsOrtValue", (out) =>
        functions.createTensorAsOrtValue(allocator, sizes, sizes.length, elementTypes[type], out),
      );
    },
    releaseTensor: (value) => void functions.releaseValue(value),
    createAllocator(session, memoryName) {
      const info = create("CreateMemoryInfo", (out) => functions.createMemoryInfo(memoryName, 0, 0, 0, out));
      try {
        return create(`allocator ${memoryName}`, (out) => functions.createAllocator(session, info, out));
      } finally {
        functions.releaseMemoryInfo(info);
      }
    },
    releaseAllocator: (allocator) => void functions.releaseAllocator(allocator),
    async run(session, values) {
      const { list, keep } = runValues(session, values);
      await callAsync(functions.run, list, keep, "Run");
    },
    runSync(session, values) {
      const { list, keep } = runValues(session, values);
      inUse.add(keep);
      try {
        check(functions.run(...list), "Run");
      } finally {
        inUse.delete(keep);
      }
    },
    dispose() {
      functions.releaseMemoryInfo(hostMemory);
      functions.releaseEnv(environment);
    },
  };
}
