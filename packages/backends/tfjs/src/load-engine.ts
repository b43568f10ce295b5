import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import util from "node:util";
import { BackendError, type RuntimeDescription } from "@alignkit/core";
import type * as tfjs from "@tensorflow/tfjs-core";
import { type EngineName, type EngineSettings, engineNames, engines } from "./engines.js";
import { shareMemory } from "./wasm-memory.js";

export type Tf = typeof tfjs;

/** Tensors are made inside; those that are not returned are freed. */
export type Scope = (compute: () => tfjs.Tensor[]) => tfjs.Tensor[];

/** An engine that has started. */
export interface LoadedEngine {
  /** As in config and messages: `tfjs:wasm`. */
  readonly name: string;
  readonly tf: Tf;
  readonly settings: EngineSettings;
  readonly runtime: RuntimeDescription;
  /** @throws {BackendError} when tfjs has been switched to another engine */
  readonly check: () => void;
  readonly scoped: Scope;
}

const require = createRequire(import.meta.url);

/**
 * Loads the packages of an engine and starts it; none takes its place.
 * @throws {BackendError} naming what is absent, with the line that installs it, what it lacks to start, or the other
 *   engine that the process runs already
 */
export async function loadEngine(name: EngineName): Promise<LoadedEngine> {
  const settings: EngineSettings = engines[name];
  const missing = settings.packages.filter((wanted) => !isInstalled(wanted));
  if (missing.length > 0) {
    const others = engineNames.filter((other) => engines[other].packages.every(isInstalled));
    throw new BackendError(
      `tfjs:${name}: ${missing.join(" and ")} not installed; run: npm install ${missing.map((wanted) => `${wanted}@4`).join(" ")}` +
        (others.length > 0 ? `. Installed here: ${others.map((other) => `tfjs:${other}`).join(", ")}` : ""),
      { details: { missing } },
    );
  }
  const running = runningEngine();
  if (running !== undefined && running !== settings.registeredAs) throw takenError(name, running);
  try {
    const tf = await start(settings);
    const check = createCheck(tf, name, settings);
    const scoped: Scope = (compute) => {
      check();
      return tf.tidy(compute);
    };
    const { device, threads } = settings;
    const runtime = {
      name: "TensorFlow.js",
      version: tf.version_core,
      device,
      ...(threads === undefined ? {} : { threads }),
    };
    return { name: `tfjs:${name}`, tf, settings, runtime, check, scoped };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.trim() : String(cause);
    throw new BackendError(`tfjs:${name} did not start; it needs ${settings.needs}. It says: ${reason}`, {
      cause,
    });
  }
}

function isInstalled(wanted: string): boolean {
  try {
    require.resolve(wanted);
    return true;
  } catch {
    return false;
  }
}

async function start({ packages, registeredAs, gpu, environment }: EngineSettings): Promise<Tf> {
  if (registeredAs === "tensorflow") restoreRemovedFunctions(util as unknown as Record<string, unknown>);
  if (registeredAs === "webgpu") await provideWebGpu();
  // Read when its library is loaded; what is set already stays.
  for (const [variable, value] of Object.entries(environment)) process.env[variable] ??= value;
  const engine = packages.at(-1) as string;
  const loaded = require(engine) as Tf;
  if (registeredAs === "wasm" && runningEngine() === undefined) shareMemory(loaded, require.resolve(engine));
  // The operations that the engine itself sees, should they be installed twice.
  const tf =
    packages.length === 1 ? loaded : (createRequire(require.resolve(engine))(packages[0] as string) as Tf);
  if (!(await tf.setBackend(registeredAs)))
    throw new Error(`tfjs cannot start its backend "${registeredAs}"`);
  await tf.ready();
  if (registeredAs === "tensorflow" && gpu) {
    const { isUsingGpuDevice } = tf.backend() as unknown as { readonly isUsingGpuDevice: boolean };
    if (!isUsingGpuDevice) throw new Error("TensorFlow found no GPU and would compute on the CPU");
  }
  return tf;
}

/** Two functions of `node:util` that tfjs-node 4.22 calls and Node 23 no longer has. */
export function restoreRemovedFunctions(target: Record<string, unknown>): void {
  target.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  target.isArray ??= Array.isArray;
}

/** Gives Node, which has no WebGPU of its own, that of the package `webgpu` (Dawn), where it is installed. */
async function provideWebGpu(): Promise<void> {
  const scope = globalThis as { navigator?: object };
  scope.navigator ??= {};
  if ("gpu" in scope.navigator || !isInstalled("webgpu")) return;
  const { create, globals } = await import(pathToFileURL(require.resolve("webgpu")).href);
  Object.assign(scope, globals);
  Object.defineProperty(scope.navigator, "gpu", { value: create([]) });
}

/**
 * What tfjs runs in this process, by the name in its registry. All copies of tfjs share that registry and its kernels,
 * the last one registered of a name counts, and two copies do not fit together: so one engine has the process for good.
 */
function runningEngine(): string | undefined {
  const { _tfengine: shared } = globalThis as {
    readonly _tfengine?: { readonly backendName?: string; readonly backendInstance?: object | null };
  };
  return shared?.backendInstance ? shared.backendName : undefined;
}

/** Whoever switched the engine would move our tensors to another device in silence. */
function createCheck(tf: Tf, name: EngineName, { registeredAs }: EngineSettings): () => void {
  return () => {
    if (tf.getBackend() !== registeredAs) throw takenError(name, tf.getBackend());
  };
}

function takenError(name: EngineName, running: string): BackendError {
  const known = engineNames.filter((other) => engines[other].registeredAs === running);
  const what = known.length === 0 ? `"${running}"` : known.map((other) => `tfjs:${other}`).join(" or ");
  return new BackendError(
    `tfjs:${name}: this process runs ${what}, and tfjs has one engine a process; use a process for each`,
    { details: { running } },
  );
}
