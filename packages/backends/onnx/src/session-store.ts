/**
 * Sessions of ONNX Runtime by the models that they run.
 *
 * Making one takes 40 ms for a decoder of four layers, as long as ten of its steps. One without weights of its own waits
 * for the next who compiles the same graph: generators and scorers are made anew whenever weights change.
 */
import { sizeOf } from "@alignkit/core";
import type { LoweredModel } from "./lower/lowering.js";
import { encodeModel } from "./model-proto.js";
import { type Handle, NameList, type OrtApi, type SessionSettings } from "./ort-api.js";
import { constantName } from "./plan.js";
import { createSessionRunner, type RunSession } from "./session-runner.js";
import type { Value } from "./tensor-memory.js";

/** A model ready to run. */
export interface Session {
  readonly handle: Handle;
  /** Leaves the event loop alive. */
  readonly run: RunSession;
  readonly inputNames: NameList;
  readonly outputNames: NameList;
  /** Call once, when it will not be used again. */
  release(): void;
}

export interface SessionStore {
  /** @param constants - by input position of the graph; they must live until the session is released */
  open(lowered: LoweredModel, constants: ReadonlyMap<number, Value>): Promise<Session>;
  /** Releases those that wait. */
  dispose(): void;
}

/** Sessions that wait, at most; the oldest leaves. */
const mostIdle = 8;

/** Constants of fewer elements may be read while a session is made, whatever for: the copy costs nothing. */
const smallestUnread = 1 << 18;

/** What nodes compute from constants alone, ONNX Runtime computes while it makes the session. */
function foldedConstants({ initializers, nodes }: LoweredModel["model"]): ReadonlySet<string> {
  const names = new Set(initializers.map(({ name }) => name));
  return new Set(
    nodes.filter(({ inputs }) => inputs.every((name) => names.has(name))).flatMap(({ inputs }) => inputs),
  );
}

export function createSessionStore(api: OrtApi, settings: SessionSettings): SessionStore {
  const idle: { readonly bytes: Uint8Array; readonly session: Session }[] = [];
  const encoded = new WeakMap<LoweredModel, Uint8Array>();
  return {
    async open(lowered, constants) {
      const { model, inputs, outputs } = lowered;
      const bytes = encoded.get(lowered) ?? encodeModel(model);
      encoded.set(lowered, bytes);
      const waiting = idle.findIndex((entry) => Buffer.compare(entry.bytes, bytes) === 0);
      if (waiting >= 0) return (idle.splice(waiting, 1)[0] as (typeof idle)[number]).session;

      const external = new Set(
        model.initializers.filter((entry) => entry.data === undefined).map((entry) => entry.name),
      );
      const folded = foldedConstants(model);
      const initializers = [...constants]
        .map(([position, value]) => ({ name: constantName(position), value }))
        .filter(({ name }) => external.has(name))
        .map(({ name, value }) => ({
          name,
          value: value.handle,
          isReadable: folded.has(name) || sizeOf(value.type.shape) < smallestUnread,
        }));
      const handle = await api.createSession(bytes, { ...settings, initializers });
      const session: Session = {
        handle,
        run: createSessionRunner(api, handle),
        inputNames: new NameList(model.inputs.slice(0, inputs.length).map((entry) => entry.name)),
        outputNames: new NameList(model.outputs.slice(0, outputs.length).map((entry) => entry.name)),
        release() {
          // On another device it would hold memory there.
          if (initializers.length > 0 || settings.provider !== undefined) return api.releaseSession(handle);
          idle.push({ bytes, session });
          if (idle.length > mostIdle)
            api.releaseSession((idle.shift() as (typeof idle)[number]).session.handle);
        },
      };
      return session;
    },
    dispose() {
      for (const { session } of idle) api.releaseSession(session.handle);
    },
  };
}
