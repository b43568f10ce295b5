import { availableParallelism } from "node:os";
import {
  type Backend,
  BackendError,
  type CompositeName,
  type DeviceTensor,
  type Graph,
  legalize,
  type Rows,
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

/** Rows of a part, at least. */
const fewestRows = 4;

/** Numbers that all parts read, at most: 32 MB. */
const mostShared = 2 ** 23;

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
  const programOf = (source: Graph, positions: readonly number[], rows: Rows | undefined): Program => {
    const constants = positions.join();
    const waiting = idle.findIndex((one) => one.source === source && one.constants === constants);
    if (waiting >= 0) return idle.splice(waiting, 1)[0] as Program;
    const graph = legalize(source, supports);
    const plan = makePlan(graph, new Set(positions), target, rows);
    return { source, constants, graph, plan, session: runtime.load(plan.nodes, plan.functions) };
  };
  return {
    specificationVersion: "v1",
    name,
    supports,
    dynamicShapes: false,
    ...(isGpu ? {} : { partsOf }),
    runtime: engine.runtime,
    upload: async (value) => {
      const { type, data } = value;
      return create(type, runtime.upload(value), data.length <= mostKept ? data.slice() : undefined);
    },
    async compile(graph, { constants = new Map(), rows } = {}) {
      const bound = new Map([...constants].map(([position, tensor]) => [position, own(tensor)]));
      const program = programOf(graph, [...bound.keys()], rows);
      const giveBack = (): void => {
        idle.push(program);
        if (idle.length > mostIdle) idle.shift()?.session.dispose();
      };
      return createExecutable({ ...program, runtime, constants: bound, own, create, giveBack });
    },
    dispose: async () => runtime.dispose(),
  };
}

/**
 * A part for each thread, where those are not too small and what all of them read fits into processors' caches. Threads
 * that share every operator of a small model wait for each other longer than they compute: parts take 0.75 of the time at
 * 5M parameters, and 1.07 at 124M.
 */
function partsOf(rows: number, shared: number): number {
  const threads = availableParallelism();
  return rows % threads === 0 && rows / threads >= fewestRows && shared <= mostShared ? threads : 1;
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
