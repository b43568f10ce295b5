import { type Backend, BackendError, type CompositeName, type DeviceTensor, legalize } from "@alignkit/core";
import type { LoadedEngine } from "../load-engine.js";
import { type Create, createExecutable } from "./executable.js";
import { oneDnnProbe } from "./lower/linear.js";
import { wholeComposites } from "./lower/table.js";
import { makePlan } from "./plan.js";
import { createRuntime, type Runtime } from "./runtime.js";
import type { Node } from "./saved-model-proto.js";
import { createValue, type Value } from "./values.js";

/** Uploads of so many numbers at most are kept on the host as well. */
const mostKept = 1024;

/** TensorFlow as a backend: each graph is one session, and what it overwrites stays in its variables. */
export function createCompiledBackend(engine: LoadedEngine): Backend {
  const { name } = engine;
  const runtime = createRuntime(engine);
  const supports: ReadonlySet<CompositeName> = new Set(wholeComposites);
  const hasOneDnn = !engine.settings.gpu && canLoad(runtime, oneDnnProbe);
  const known = new WeakSet<DeviceTensor>();
  const create: Create = (type, place, host) => {
    const value = createValue(runtime, type, place, host);
    known.add(value);
    return value;
  };
  const own = (tensor: DeviceTensor): Value => {
    if (known.has(tensor)) return tensor as Value;
    throw new BackendError(
      `${name}: a tensor of another backend was given; read it there and upload it here`,
    );
  };
  return {
    specificationVersion: "v1",
    name,
    supports,
    dynamicShapes: false,
    runtime: engine.runtime,
    upload: async (value) => {
      const { type, data } = value;
      return create(type, runtime.upload(value), data.length <= mostKept ? data.slice() : undefined);
    },
    async compile(graph, { constants = new Map() } = {}) {
      const legal = legalize(graph, supports);
      const bound = new Map([...constants].map(([position, tensor]) => [position, own(tensor)]));
      const plan = makePlan(legal, new Set(bound.keys()), hasOneDnn);
      return createExecutable({ runtime, graph: legal, plan, constants: bound, own, create });
    },
    dispose: async () => runtime.dispose(),
  };
}

/** Whether this build of TensorFlow has the operators of a graph. */
function canLoad(runtime: Runtime, nodes: readonly Node[]): boolean {
  try {
    runtime.load(nodes).dispose();
    return true;
  } catch {
    return false;
  }
}
