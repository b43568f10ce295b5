import type { Backend, CompileOptions, DeviceTensor, Executable } from "./backend.js";
import { BackendError } from "./errors.js";
import type { Tensor } from "./tensor.js";
import { isTensor, isTensorType, type Trace, trace } from "./trace.js";
import { flattenTree, type MapTree, mapTree, type Tree } from "./tree.js";
import { formatType, type HostTensor, sizeOf, type TensorType } from "./types.js";

/** What a compiled function takes: memory of the backend, or of the host, which is uploaded for the call. */
export type Argument = DeviceTensor | HostTensor;

/** What may be overwritten, is constant, or differs in size. */
export interface CompileFunctionOptions<I> {
  /** Arguments (top-level keys) that the call may overwrite and consumes. */
  readonly donate?: readonly (keyof I & string)[];
  /**
   * Arguments (top-level keys) bound once and for all: given here, left out of each call.
   * A backend may keep them in a form of its own, so changed parameters need a new function.
   */
  readonly constants?: { readonly [K in keyof I]?: MapTree<I[K], Tensor, DeviceTensor> };
  /**
   * Axes whose size may differ from call to call, by top-level key, for every tensor below it: a letter per free
   * axis, `null` for a fixed one. One executable then serves all sizes where the backend can
   * (`dynamicShapes`); elsewhere one is compiled per set of sizes.
   */
  readonly dynamic?: { readonly [K in keyof I]?: readonly (string | null)[] };
  /**
   * The letter of rows that never meet: the first free axis of each argument that has any, and of all results. A backend
   * may take them apart (`partsOf`); where an argument begins with another axis, they stay together.
   */
  readonly rows?: string;
  /**
   * Where traces are kept, of this body with these free axes and no other: a function that is made anew with other
   * constants finds them there, and a backend what it made of their graphs.
   */
  readonly traces?: TraceStore;
}

/** By the types of the arguments; begin with an empty one. */
export type TraceStore = Map<string, TracePair>;

interface TracePair {
  readonly main: Trace;
  /** At other sizes of free axes. */
  readonly variant: Trace | undefined;
}

/** A function over device memory: arguments as host or device tensors, results on the device. */
export interface CompiledFunction<I, O> {
  /** Host arguments are uploaded and freed again; results belong to the caller. */
  (
    inputs: { readonly [K in keyof I]?: MapTree<I[K], Tensor, Argument> },
  ): Promise<MapTree<O, Tensor, DeviceTensor>>;
  /** Frees what was compiled. */
  dispose(): Promise<void>;
}

const isArgument = (node: unknown): node is Argument =>
  typeof node === "object" &&
  node !== null &&
  "type" in node &&
  (("data" in node && ArrayBuffer.isView(node.data)) || ("read" in node && typeof node.read === "function"));
const isDeviceTensor = (node: Argument): node is DeviceTensor => "read" in node;

interface Compiled {
  readonly executable: Executable;
  readonly trace: Trace;
}

type ArgumentTrees = { readonly [key: string]: Tree<Argument> };
/** By top-level key. */
type FreeAxes = Readonly<Record<string, readonly (string | null)[]>>;

/** The arguments of a call one by one, and a text that tells their paths and types; free axes do not count. */
interface Leaves {
  readonly key: string;
  readonly leaves: readonly { readonly name: string; readonly leaf: Argument }[];
}

function leavesOf(trees: ArgumentTrees, free: FreeAxes): Leaves {
  const leaves: Leaves["leaves"][number][] = [];
  let key = "";
  for (const [name, tree] of Object.entries(trees)) {
    for (const { path, leaf } of flattenTree(tree, isArgument, name)) {
      leaves.push({ name, leaf });
      key += `${path}:${keyOf(leaf.type, free[name])},`;
    }
  }
  return { key, leaves };
}

/**
 * Turns a function over tensors into one over memory of `backend`. It is traced and compiled once per set of
 * argument types.
 */
export function compileFunction<I extends object, O extends object>(
  backend: Backend,
  body: (inputs: I) => O,
  { donate = [], constants = {}, dynamic = {}, rows, traces }: CompileFunctionOptions<I> = {},
): CompiledFunction<I, O> {
  const cache = new Map<string, Promise<Compiled>>();
  const bound = constants as unknown as ArgumentTrees;
  const free = backend.dynamicShapes ? (dynamic as FreeAxes) : {};
  // Once, because there are many, and steps of small models are short.
  const boundLeaves = leavesOf(bound, free);
  const donatedNames: ReadonlySet<string> = new Set(donate);

  const traceBody = (types: Tree<TensorType>): TracePair => {
    if (Object.keys(free).length === 0) return { main: trace(body as never, types), variant: undefined };
    return {
      main: trace(body as never, resize(types, free, firstSizes)),
      variant: trace(body as never, resize(types, free, secondSizes)),
    };
  };

  const firstAxis = (path: string) => (dynamic as FreeAxes)[top(path)]?.[0];
  const hasRows = (path: string): boolean => rows !== undefined && firstAxis(path) === rows;
  const partsOf = (inputs: ArgumentTrees): number => {
    const all = flattenTree(inputs, isArgument);
    const [first] = all.filter(({ path }) => hasRows(path));
    const shared = all.filter(({ path }) => !hasRows(path));
    if (first === undefined || shared.some(({ path }) => firstAxis(path) !== undefined)) return 1;
    const elements = shared.reduce((total, { leaf }) => total + sizeOf(leaf.type.shape), 0);
    return backend.partsOf?.(first.leaf.type.shape[0] as number, elements) ?? 1;
  };

  const compile = async (key: string, inputs: ArgumentTrees): Promise<Compiled> => {
    const parts = partsOf(inputs);
    const ofPart = ({ type }: Argument, path: string): TensorType => {
      if (parts === 1 || !hasRows(path)) return type;
      const [count, ...rest] = type.shape as readonly [number, ...number[]];
      return { dtype: type.dtype, shape: [count / parts, ...rest] };
    };
    const known = `${parts} ${key}`;
    const { main, variant } = traces?.get(known) ?? traceBody(mapTree(inputs, isArgument, ofPart));
    traces?.set(known, { main, variant });
    const positions = main.inputPaths.flatMap((path, position) => (hasRows(path) ? position : []));
    const options: CompileOptions = {
      constants: constantPositions(main, bound),
      ...(variant === undefined ? {} : { variant: variant.graph }),
      ...(parts === 1 ? {} : { rows: { parts, inputs: new Set(positions) } }),
    };
    return { executable: await backend.compile(main.graph, options), trace: main };
  };

  const call = async (inputs: ArgumentTrees) => {
    const unbound = Object.fromEntries(
      Object.entries(inputs).filter(([name]) => !Object.hasOwn(bound, name)),
    );
    const given = leavesOf(unbound, free);
    const key = `${given.key};${boundLeaves.key}`;
    const entry = cache.get(key) ?? compile(key, { ...unbound, ...bound });
    cache.set(key, entry);
    // A failed compilation is not kept.
    entry.catch(() => cache.delete(key));
    return runCompiled(backend, await entry, given.leaves, donatedNames);
  };
  const dispose = async () => {
    for (const entry of cache.values()) await (await entry).executable.dispose();
    cache.clear();
  };
  return Object.assign(call, { dispose }) as unknown as CompiledFunction<I, O>;
}

const top = (path: string): string => path.split(".", 1)[0] as string;

/** @param leaves - what is not bound; that follows them among the inputs of the trace */
async function runCompiled(
  backend: Backend,
  { executable, trace: { inputPaths, outputs } }: Compiled,
  leaves: Leaves["leaves"],
  donate: ReadonlySet<string>,
) {
  const uploaded: DeviceTensor[] = [];
  const donated = new Set<number>();
  const inputs: (DeviceTensor | undefined)[] = new Array(inputPaths.length).fill(undefined);
  for (const [position, { name, leaf }] of leaves.entries()) {
    if (isDeviceTensor(leaf)) {
      inputs[position] = leaf;
      if (donate.has(name)) donated.add(position);
    } else {
      const tensor = await backend.upload(leaf);
      inputs[position] = tensor;
      // Ours alone, so it may always be overwritten.
      donated.add(position);
      uploaded.push(tensor);
    }
  }
  try {
    const results = [...(await executable.run(inputs, { donate: donated }))];
    let next = 0;
    return mapTree(outputs, isTensor, () => results[next++] as DeviceTensor);
  } finally {
    for (const tensor of uploaded) tensor.dispose();
  }
}

function constantPositions({ inputPaths }: Trace, bound: ArgumentTrees): ReadonlyMap<number, DeviceTensor> {
  const byPath = new Map(flattenTree(bound, isArgument).map(({ path, leaf }) => [path, leaf]));
  const positions = new Map<number, DeviceTensor>();
  for (const [position, path] of inputPaths.entries()) {
    const leaf = byPath.get(path);
    if (leaf === undefined) continue;
    if (!isDeviceTensor(leaf)) throw new BackendError(`constant ${path} must be uploaded first`);
    positions.set(position, leaf);
  }
  return positions;
}

/** Texts of types, which are the same objects from call to call. */
const texts = new WeakMap<TensorType, string>();

/** A text of a type, in which free axes do not count. */
function keyOf(type: TensorType, axes: readonly (string | null)[] | undefined): string {
  if (axes === undefined) {
    const text = texts.get(type) ?? formatType(type);
    texts.set(type, text);
    return text;
  }
  return formatType({
    dtype: type.dtype,
    shape: type.shape.map((size, axis) => (typeof axes[axis] === "string" ? -1 : size)),
  });
}

// Sizes that no fixed axis is likely to have, so that the two traces differ exactly where an axis is free.
const firstSizes: readonly number[] = [11, 17, 23, 31, 41];
const secondSizes: readonly number[] = [13, 19, 29, 37, 43];

function resize(
  types: Tree<TensorType>,
  dynamic: Readonly<Record<string, readonly (string | null)[]>>,
  sizes: readonly number[],
): Tree<TensorType> {
  const letters = [...new Set(Object.values(dynamic).flat())]
    .filter((letter): letter is string => letter !== null)
    .sort();
  if (letters.length > sizes.length)
    throw new BackendError(`at most ${sizes.length} free axes, got ${letters.join(", ")}`);
  return mapTree(types, isTensorType, (type, path) => {
    const axes = dynamic[top(path)];
    if (axes === undefined) return type;
    const shape = type.shape.map((size, axis) => {
      const letter = axes[axis];
      return typeof letter === "string" ? (sizes[letters.indexOf(letter)] as number) : size;
    });
    return { dtype: type.dtype, shape };
  });
}
