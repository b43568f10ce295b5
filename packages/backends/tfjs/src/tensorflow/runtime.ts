/**
 * TensorFlow's sessions, through tfjs-node's binding to TensorFlow; the only file that knows it. Tensors of tfjs, which
 * its engine keeps books of, would add a quarter to the time between steps of decoding.
 *
 * On the CPU nothing is copied on the way into a session and out of it: tensors share their memory. On a GPU what goes
 * in and out passes through the host. A session is synchronous, and blocks the event loop while it runs.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackendError, type DType, type HostData, type HostTensor } from "@alignkit/core";
import type { LoadedEngine } from "../load-engine.js";
import { encodeSavedModel, type FunctionDefinition, graphTag, type Node } from "./saved-model-proto.js";

/** A handle on memory of TensorFlow. */
export interface Memory {
  readonly id: number;
  /** A second handle on the same memory. */
  share(): Memory;
  /** Gives the handle up; the last one frees the memory. */
  dispose(): void;
}

/** Memory for an input of a session, by the name of its node. */
export type Feed = readonly [name: string, memory: Memory];

export interface Session {
  readonly isOpen: boolean;
  /** Runs what the fetched nodes need. The results belong to the caller. */
  run(feeds: readonly Feed[], fetches: readonly string[]): readonly Memory[];
  dispose(): void;
}

export interface Runtime {
  load(nodes: readonly Node[], functions?: readonly FunctionDefinition[]): Session;
  /** Copies from the host, into memory of TensorFlow. */
  upload(value: HostTensor): Memory;
  /** Copies to the host. */
  read(memory: Memory): HostData;
  dispose(): void;
}

/** The part of tfjs-node's binding that concerns SavedModels and single operations; tensors go by numbers. */
interface Binding {
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  /** Takes the array as the tensor's memory. */
  createTensor(shape: readonly number[], type: number, data: HostData): number;
  tensorDataSync(id: number): HostData;
  deleteTensor(id: number): void;
  executeOp(op: string, attributes: readonly object[], inputs: readonly number[], results: number): Result[];
  loadSavedModel(path: string, tags: string): number;
  /** Names are joined by commas. */
  runSavedModel(id: number, inputs: readonly number[], names: string, fetches: string): Result[];
  deleteSavedModel(id: number): void;
}

interface Result {
  readonly id: number;
}

export function createRuntime({ tf, check }: LoadedEngine): Runtime {
  const { binding } = tf.backend() as unknown as { readonly binding: Binding };
  const types: Readonly<Record<DType, number>> = {
    float32: binding.TF_FLOAT,
    int32: binding.TF_INT32,
    bool: binding.TF_BOOL,
  };
  const open = new Set<Session>();

  const hold = (id: number, handles = { open: 0 }): Memory => {
    let isHeld = true;
    handles.open++;
    return {
      id,
      share: () => hold(id, handles),
      dispose() {
        if (!isHeld) return;
        isHeld = false;
        if (--handles.open === 0) binding.deleteTensor(id);
      },
    };
  };

  const load: Runtime["load"] = (nodes, functions = []) => {
    check();
    const directory = mkdtempSync(join(tmpdir(), "alignkit-tensorflow-"));
    let id: number;
    try {
      writeFileSync(join(directory, "saved_model.pb"), encodeSavedModel(nodes, functions));
      id = binding.loadSavedModel(directory, graphTag);
    } finally {
      rmSync(directory, { recursive: true });
    }
    const session: Session = {
      get isOpen() {
        return open.has(session);
      },
      run(feeds, fetches) {
        check();
        if (!session.isOpen)
          throw new BackendError("tfjs: a compiled function was used after it was disposed");
        const ids = feeds.map(([, memory]) => memory.id);
        const names = feeds.map(([name]) => `${name}:0`).join();
        const outputs = fetches.map((name) => (name.includes(":") ? name : `${name}:0`)).join();
        return binding.runSavedModel(id, ids, names, outputs).map((result) => hold(result.id));
      },
      dispose() {
        if (open.delete(session)) binding.deleteSavedModel(id);
      },
    };
    open.add(session);
    return session;
  };

  return {
    load,
    // Copied once more inside TensorFlow: the memory of a JavaScript array is given back by whoever drops the last
    // reference to it, and inside a session that may be another thread, which must not touch JavaScript.
    upload({ type: { shape, dtype }, data }) {
      check();
      const given = binding.createTensor(shape, types[dtype], data);
      const attributes = [{ name: "T", type: binding.TF_ATTR_TYPE, value: types[dtype] }];
      try {
        const [copy] = binding.executeOp("DeepCopy", attributes, [given], 1) as [Result];
        return hold(copy.id);
      } finally {
        binding.deleteTensor(given);
      }
    },
    read: ({ id }) => binding.tensorDataSync(id),
    dispose() {
      for (const session of open) session.dispose();
    },
  };
}
