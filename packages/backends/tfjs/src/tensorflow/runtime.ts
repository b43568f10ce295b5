/**
 * TensorFlow's sessions, through what tfjs-node's backend object offers for SavedModels; the only file that knows it.
 *
 * On the CPU nothing is copied on the way into a session and out of it: tensors share their memory. On a GPU what goes
 * in and out passes through the host. A session is synchronous, and blocks the event loop while it runs.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackendError, type DType, type HostData, type HostTensor } from "@alignkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { LoadedEngine } from "../load-engine.js";
import { encodeSavedModel, type FunctionDefinition, graphTag, type Node } from "./saved-model-proto.js";

/** A tensor for an input of a session, by the name of its node. */
export type Feed = readonly [name: string, tensor: Tensor];

export interface Session {
  readonly isOpen: boolean;
  /** Runs what the fetched nodes need. The results belong to the caller. */
  run(feeds: readonly Feed[], fetches: readonly string[]): readonly Tensor[];
  dispose(): void;
}

export interface Runtime {
  load(nodes: readonly Node[], functions?: readonly FunctionDefinition[]): Session;
  /** Copies from the host, into memory of TensorFlow. */
  upload(value: HostTensor): Tensor;
  /** Copies to the host. */
  read(tensor: Tensor): HostData;
  /** A second handle on the same memory. */
  share(tensor: Tensor): Tensor;
  dispose(): void;
}

/** The part of tfjs-node's `NodeJSKernelBackend` that concerns SavedModels and single operations of TensorFlow. */
interface TensorFlow {
  readonly binding: Readonly<Record<string, unknown>>;
  loadSavedModelMetaGraph(path: string, tags: string): number;
  runSavedModel(
    id: number,
    inputs: readonly Tensor[],
    infos: readonly { readonly name: string }[],
    outputs: readonly string[],
  ): Tensor[];
  deleteSavedModel(id: number): void;
  executeSingleOutput(op: string, attributes: readonly object[], inputs: readonly Tensor[]): Tensor;
}

/** What the binding calls our types. */
const typeNames: Readonly<Record<DType, string>> = {
  float32: "TF_FLOAT",
  int32: "TF_INT32",
  bool: "TF_BOOL",
};

export function createRuntime({ tf, check }: LoadedEngine): Runtime {
  const tensorFlow = tf.backend() as unknown as TensorFlow;
  const open = new Set<Session>();

  const load: Runtime["load"] = (nodes, functions = []) => {
    check();
    const directory = mkdtempSync(join(tmpdir(), "alignkit-tensorflow-"));
    let id: number;
    try {
      writeFileSync(join(directory, "saved_model.pb"), encodeSavedModel(nodes, functions));
      id = tensorFlow.loadSavedModelMetaGraph(directory, graphTag);
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
        const infos = feeds.map(([name]) => ({ name: `${name}:0` }));
        const outputs = fetches.map((name) => (name.includes(":") ? name : `${name}:0`));
        return tensorFlow.runSavedModel(
          id,
          feeds.map(([, tensor]) => tensor),
          infos,
          outputs,
        );
      },
      dispose() {
        if (open.delete(session)) tensorFlow.deleteSavedModel(id);
      },
    };
    open.add(session);
    return session;
  };

  return {
    load,
    // Copied once more inside TensorFlow: the memory of a JavaScript array is given back by whoever drops the last
    // reference to it, and inside a session that may be another thread, which must not touch JavaScript.
    upload({ type, data }) {
      check();
      const given = tf.tensor(data as Float32Array, [...type.shape], type.dtype);
      const { TF_ATTR_TYPE, [typeNames[type.dtype]]: value } = tensorFlow.binding;
      try {
        return tensorFlow.executeSingleOutput(
          "DeepCopy",
          [{ name: "T", type: TF_ATTR_TYPE, value }],
          [given],
        );
      } finally {
        given.dispose();
      }
    },
    read: (tensor) => tensor.dataSync() as HostData,
    share: (tensor) => tf.clone(tensor),
    dispose() {
      for (const session of open) session.dispose();
    },
  };
}
