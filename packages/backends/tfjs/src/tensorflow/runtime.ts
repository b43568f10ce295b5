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
import { encodeSavedModel, graphTag, type Node } from "./saved-model-proto.js";

/** A tensor for an input of a session, by the name of its node. */
export type Feed = readonly [name: string, tensor: Tensor];

export interface Session {
  /** Runs what the fetched nodes need. The results belong to the caller. */
  run(feeds: readonly Feed[], fetches: readonly string[]): readonly Tensor[];
  dispose(): void;
}

export interface Runtime {
  load(nodes: readonly Node[]): Session;
  /** Copies from the host, into memory of TensorFlow. */
  upload(value: HostTensor): Tensor;
  /** Copies to the host. */
  read(tensor: Tensor): HostData;
  /** A second handle on the same memory. */
  share(tensor: Tensor): Tensor;
  dispose(): void;
}

/** The part of tfjs-node's `NodeJSKernelBackend` that concerns SavedModels. */
interface SavedModels {
  loadSavedModelMetaGraph(path: string, tags: string): number;
  runSavedModel(
    id: number,
    inputs: readonly Tensor[],
    infos: readonly { readonly name: string }[],
    outputs: readonly string[],
  ): Tensor[];
  deleteSavedModel(id: number): void;
}

const dtypes: readonly DType[] = ["float32", "int32", "bool"];

export function createRuntime({ tf, check }: LoadedEngine): Runtime {
  const models = tf.backend() as unknown as SavedModels;
  const open = new Set<Session>();

  const load = (nodes: readonly Node[]): Session => {
    check();
    const directory = mkdtempSync(join(tmpdir(), "alignkit-tensorflow-"));
    let id: number;
    try {
      writeFileSync(join(directory, "saved_model.pb"), encodeSavedModel(nodes));
      id = models.loadSavedModelMetaGraph(directory, graphTag);
    } finally {
      rmSync(directory, { recursive: true });
    }
    const session: Session = {
      run(feeds, fetches) {
        check();
        if (!open.has(session))
          throw new BackendError("tfjs: a compiled function was used after it was disposed");
        const infos = feeds.map(([name]) => ({ name: `${name}:0` }));
        const outputs = fetches.map((name) => (name.includes(":") ? name : `${name}:0`));
        return models.runSavedModel(
          id,
          feeds.map(([, tensor]) => tensor),
          infos,
          outputs,
        );
      },
      dispose() {
        if (open.delete(session)) models.deleteSavedModel(id);
      },
    };
    open.add(session);
    return session;
  };

  const copier = load(dtypes.flatMap(copyNodes));
  return {
    load,
    // Through a session: the memory of a JavaScript array is given back by whoever drops the last reference to it,
    // and inside a session that may be another thread, which must not touch JavaScript.
    upload({ type, data }) {
      const given = tf.tensor(data as Float32Array, [...type.shape], type.dtype);
      try {
        return copier.run([[`given_${type.dtype}`, given]], [`copy_${type.dtype}`])[0] as Tensor;
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

function copyNodes(dtype: DType): readonly Node[] {
  const device = "/device:CPU:0";
  const given = `given_${dtype}`;
  return [
    {
      name: given,
      op: "Placeholder",
      inputs: [],
      attributes: { dtype: { type: dtype }, shape: { shape: "any" } },
      device,
    },
    { name: `copy_${dtype}`, op: "DeepCopy", inputs: [given], attributes: { T: { type: dtype } }, device },
  ];
}
