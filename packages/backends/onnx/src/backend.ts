import {
  type Backend,
  BackendError,
  type BackendFactory,
  type CompositeName,
  type DeviceTensor,
  legalize,
} from "@alignkit/core";
import { createExecutable, type Session } from "./executable.js";
import { createHugePageAdvice } from "./huge-pages.js";
import { createSimdKernels } from "./kernels/simd.js";
import { findLibrary } from "./library.js";
import { wholeComposites } from "./lower/table.js";
import { createHostMemory, createMemoryPool, HostValue } from "./memory.js";
import { encodeModel } from "./model-proto.js";
import { loadOrtApi, NameList, type OrtApi, type SessionSettings } from "./ort-api.js";
import { constantName, makePlan, type Step } from "./plan.js";
import { selfCheck } from "./self-check.js";
import { type OnnxBackendOptions, parseOptions, physicalCores } from "./settings.js";
import type { Value } from "./tensor-memory.js";

/** Composites of the host's kernels, beside those that ONNX Runtime takes whole. */
const hostComposites: readonly CompositeName[] = ["adamWUpdate"];

/**
 * ONNX Runtime as a backend: whole graphs as models, results written in place, optimizer steps on the host.
 * @throws {BackendError} when the library or the provider is not there; the message names what is missing
 */
export async function createOnnxBackend(options: OnnxBackendOptions = {}): Promise<Backend> {
  const { provider = "cpu", threads = physicalCores(), profilePrefix } = options;
  const api = loadOrtApi(findLibrary());
  await selfCheck(api);
  const memory = createHostMemory(api, createMemoryPool(createHugePageAdvice()));
  const kernels = createSimdKernels();
  const supports = new Set<CompositeName>([...wholeComposites, ...hostComposites]);
  const name = provider === "cpu" ? "onnx" : `onnx:${provider}`;
  const own = (tensor: DeviceTensor): Value => {
    if (tensor instanceof HostValue) return tensor;
    throw new BackendError(
      `${name}: a tensor of another backend was given; read it there and upload it here`,
    );
  };
  const settings: SessionSettings = profilePrefix === undefined ? { threads } : { threads, profilePrefix };

  return {
    specificationVersion: "v1",
    name,
    supports,
    dynamicShapes: true,
    upload: (value) => memory.upload(value),
    async compile(graph, { constants = new Map(), variant } = {}) {
      const legalVariant = variant === undefined ? undefined : legalize(variant, supports);
      const plan = makePlan(legalize(graph, supports), legalVariant, constants, memory.isHost);
      const kept = new Map([...constants].map(([position, tensor]) => [position, own(tensor).share()]));
      const sessions: Session[] = [];
      for (const step of plan.steps) {
        if (step.kind === "model") sessions.push(await createSession(api, step, kept, settings));
      }
      return createExecutable({ plan, sessions, constants: kept, memory, kernels, api, own });
    },
    async dispose() {
      memory.dispose();
      api.dispose();
    },
  };
}

async function createSession(
  api: OrtApi,
  { lowered: { model, inputs, outputs } }: Step & { readonly kind: "model" },
  constants: ReadonlyMap<number, Value>,
  settings: SessionSettings,
): Promise<Session> {
  const external = new Set(
    model.initializers.filter((entry) => entry.data === undefined).map((entry) => entry.name),
  );
  const initializers = [...constants]
    .map(([position, value]) => ({ name: constantName(position), value: value.handle }))
    .filter((entry) => external.has(entry.name));
  const handle = await api.createSession(encodeModel(model), { ...settings, initializers });
  return {
    handle,
    inputNames: new NameList(model.inputs.slice(0, inputs.length).map((entry) => entry.name)),
    outputNames: new NameList(model.outputs.slice(0, outputs.length).map((entry) => entry.name)),
  };
}

/** The backend as a plugin offers it; options as in {@link OnnxBackendOptions}. */
export const onnxBackendFactory: BackendFactory = {
  name: "onnx",
  description: "ONNX Runtime, on the CPU or a GPU",
  create: (options) => createOnnxBackend(parseOptions(options)),
};
