import {
  type Backend,
  BackendError,
  type CompositeName,
  type DeviceTensor,
  type Graph,
  legalize,
} from "@alignkit/core";
import type { LoadedEngine } from "../load-engine.js";
import { type Create, createExecutable } from "./executable.js";
import { oneDnnProbe } from "./lower/linear.js";
import { wholeComposites } from "./lower/table.js";
import { makePlan, type Plan } from "./plan.js";
import { createRuntime, type Runtime, type Session } from "./runtime.js";
import type { Node } from "./saved-model-proto.js";
import { createValue, type Value } from "./values.js";

/** Uploads of so many numbers at most are kept on the host as well. */
const mostKept = 1024;

/** Sessions that wait, at most; the oldest leaves. */
const mostIdle = 8;

/** What was made of a graph. While nobody runs it, it waits for whoever compiles that graph again, with other weights. */
interface Program {
  readonly source: Graph;
  /** Positions of the inputs that are set once. */
  readonly constants: string;
  /** Legalized. */
  readonly graph: Graph;
  readonly plan: Plan;
  readonly session: Session;
}

/** TensorFlow as a backend: each graph is one session, and what it overwrites stays in its variables. */
export function createCompiledBackend(engine: LoadedEngine): Backend {
  const { name } = engine;
  const runtime = createRuntime(engine);
  const supports: ReadonlySet<CompositeName> = new Set(wholeComposites);
  const isGpu = engine.settings.gpu;
  const target = { isGpu, hasOneDnn: !isGpu && canLoad(runtime, oneDnnProbe) };
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
  const idle: Program[] = [];
  const programOf = (source: Graph, positions: readonly number[]): Program => {
    const constants = positions.join();
    const waiting = idle.findIndex((one) => one.source === source && one.constants === constants);
    if (waiting >= 0) return idle.splice(waiting, 1)[0] as Program;
    const graph = legalize(source, supports);
    const plan = makePlan(graph, new Set(positions), target);
    return { source, constants, graph, plan, session: runtime.load(plan.nodes) };
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
      const bound = new Map([...constants].map(([position, tensor]) => [position, own(tensor)]));
      const program = programOf(graph, [...bound.keys()]);
      const giveBack = (): void => {
        idle.push(program);
        if (idle.length > mostIdle) idle.shift()?.session.dispose();
      };
      return createExecutable({ ...program, runtime, constants: bound, own, create, giveBack });
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
