import {
  type Backend,
  BackendError,
  type BackendFactory,
  type CompositeName,
  type DeviceTensor,
  type Graph,
  legalize,
  type Operation,
  type OpName,
} from "@alignkit/core";
import { createDeviceMemory } from "./device-memory.js";
import { createExecutable } from "./executable.js";
import { createHeap } from "./heap.js";
import { createHostKernels } from "./kernels/host-kernels.js";
import { findLibrary } from "./library.js";
import { isWholeAttention, isWholeRotation } from "./lower/attention.js";
import { wholeComposites } from "./lower/table.js";
import { createFileMapper } from "./mapped-files.js";
import { createHostMemory, createMemoryPool } from "./memory.js";
import { loadOrtApi, type OrtApi, type SessionSettings } from "./ort-api.js";
import { makePlan, type Plan } from "./plan.js";
import { checkProvider, explainProvider, providerTable } from "./providers.js";
import { selfCheck } from "./self-check.js";
import { createSessionStore, type Session } from "./session-store.js";
import { type OnnxBackendOptions, type ProviderName, parseOptions, physicalCores } from "./settings.js";
import { createHugePageMover, createPageAdvice, returnLargeBlocks } from "./system-memory.js";
import type { TensorMemory, Value } from "./tensor-memory.js";

/** Host kernels are bound by memory, which a few threads use up. */
const mostKernelThreads = 4;

/** Composites that are taken whole on the host alone, beside those that ONNX Runtime takes whole anywhere. */
const hostComposites: readonly CompositeName[] = ["adamWUpdate", "cachedAttention", "rotary"];

/** Of composites that are taken whole in some cases. */
const conditions: Readonly<Partial<Record<OpName, (operation: Operation) => boolean>>> = {
  cachedAttention: isWholeAttention,
  rotary: isWholeRotation,
};
const canTake = (operation: Operation): boolean => conditions[operation.op]?.(operation) ?? true;

/**
 * ONNX Runtime as a backend: whole graphs as models, results written in place, optimizer steps on the host.
 * @throws {BackendError} when the library or the provider is not there; the message names what is missing
 */
export async function createOnnxBackend(options: OnnxBackendOptions = {}): Promise<Backend> {
  const { provider = "cpu", threads = physicalCores(), profilePrefix } = options;
  const name = provider === "cpu" ? "onnx" : `onnx:${provider}`;
  const api = loadOrtApi(findLibrary());
  returnLargeBlocks();
  await selfCheck(api);
  const settings: SessionSettings = {
    threads,
    ...(profilePrefix === undefined ? {} : { profilePrefix }),
    ...(providerTable[provider].session === undefined ? {} : { provider: providerTable[provider].session }),
  };
  const advice = createPageAdvice();
  const heap = providerTable[provider].memory === undefined ? createHeap() : undefined;
  if (heap !== undefined) advice.hugePages(heap.buffer);
  const memory =
    providerTable[provider].memory === undefined
      ? createHostMemory(api, createMemoryPool({ advice, heap, releaseHandle: api.releaseTensor }), {
          mapper: heap && createFileMapper(heap, advice.hugePages),
          settle: createHugePageMover(),
        })
      : await startDevice(api, provider, name, settings);
  const store = createSessionStore(api, settings);
  const kernels = createHostKernels(memory.isHost ? Math.min(threads, mostKernelThreads) - 1 : 0, heap);
  const taken = memory.isHost ? [...wholeComposites, ...hostComposites] : wholeComposites;
  const supports = new Set(taken.filter((op) => !providerTable[provider].without.includes(op)));
  const own = (tensor: DeviceTensor): Value => {
    const value = memory.own(tensor);
    if (value !== undefined) return value;
    throw new BackendError(
      `${name}: a tensor of another backend was given; read it there and upload it here`,
    );
  };

  /**
   * What was made of graphs that are compiled again when weights have changed. By the variant, if there is one: only
   * who means to compile again keeps it.
   */
  const plans = new WeakMap<Graph, { graph: Graph; constants: string; plan: Plan }>();
  const planOf = (graph: Graph, variant: Graph | undefined, positions: readonly number[]): Plan => {
    const constants = positions.join();
    const known = plans.get(variant ?? graph);
    if (known?.graph === graph && known.constants === constants) return known.plan;
    const [legal, legalVariant] = [graph, variant].map((one) => one && legalize(one, supports, canTake));
    const plan = makePlan(legal as Graph, legalVariant, positions, memory.isHost ? "with_host" : "alone");
    plans.set(variant ?? graph, { graph, constants, plan });
    return plan;
  };

  return {
    specificationVersion: "v1",
    name,
    supports,
    dynamicShapes: true,
    // Steps of 16 rows at 5M parameters, 0.2M a matrix, take 1.15 times as long with weights that are not packed; 64 at
    // 135M, 0.5M a matrix, 0.8 of the time, counting what it takes to pack them.
    ...(memory.isHost ? { repackingCostsFrom: 2 ** 18 } : {}),
    runtime: { name: "ONNX Runtime", version: api.version, device: providerTable[provider].device, threads },
    upload: (value) => memory.upload(value),
    ...(memory.isHost
      ? {
          async uploadWith(type, fill, source) {
            const mapped = source && (await memory.map?.(type, source));
            const value = mapped ?? memory.allocate(type);
            try {
              await fill(value.array(), mapped !== undefined);
            } catch (error) {
              value.dispose();
              throw error;
            }
            return value;
          },
        }
      : {}),
    async compile(graph, { constants = new Map(), variant } = {}) {
      const kept = new Map([...constants].map(([position, tensor]) => [position, own(tensor).share()]));
      // On another device constants are inputs that stay where they are.
      const initializers = memory.isHost ? kept : new Map<number, Value>();
      const plan = planOf(graph, variant, [...initializers.keys()]);
      // Sessions take memory for constants in a form of their own.
      if (initializers.size > 0) memory.giveUpIdle?.();
      const sessions: Session[] = [];
      for (const step of plan.steps) {
        if (step.kind === "model") sessions.push(await store.open(step.lowered, initializers));
      }
      return createExecutable({ plan, sessions, constants: kept, memory, kernels, api, own });
    },
    async dispose() {
      await kernels.dispose();
      memory.dispose();
      store.dispose();
      api.dispose();
    },
  };
}

/** @throws {BackendError} naming what the provider lacks */
async function startDevice(
  api: OrtApi,
  provider: ProviderName,
  name: string,
  settings: SessionSettings,
): Promise<TensorMemory> {
  checkProvider(api, provider);
  try {
    return await createDeviceMemory(api, name, providerTable[provider].memory as string, settings);
  } catch (cause) {
    throw explainProvider(provider, cause);
  }
}

/** The backend as a plugin offers it; options as in {@link OnnxBackendOptions}. */
export const onnxBackendFactory: BackendFactory = {
  name: "onnx",
  description: "ONNX Runtime, on the CPU or a GPU",
  create: (options) => createOnnxBackend(parseOptions(options)),
};
