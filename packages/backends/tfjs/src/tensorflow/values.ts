/**
 * Tensors of the compiled backend. A value lies in a tensor of tfjs, or in a variable of the session that computed it,
 * where it stays as long as it is handed back to the same function: so moments of an optimizer and caches are updated
 * in place, and on a GPU never leave it. Anyone else gets a copy of the variable, made when it is asked for.
 */
import { BackendError, type DeviceTensor, formatType, type HostData, type TensorType } from "@alignkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Runtime } from "./runtime.js";

/** A variable of a session, and the value that lies in it. */
export interface Slot {
  readonly home: Home;
  holder: Value | undefined;
}

/** The session that variables belong to. */
export interface Home {
  /** Copies of variables, in order; they may share the memory until the variable is written. */
  fetch(slots: readonly Slot[]): readonly Tensor[];
  /** Called when a holder of one of its slots is gone. */
  released(): void;
}

export interface Value extends DeviceTensor {
  /** The variable that it lies in. */
  readonly slot: Slot | undefined;
  /** What was uploaded, where it is short: ids, which are checked before each run. */
  readonly host: HostData | undefined;
  /** What lies in a tensor of tfjs of its own or was copied there. */
  readonly copy: Tensor | undefined;
  /** Gives it a tensor: what it is made of, or a copy of its variable. */
  keep(tensor: Tensor): void;
  /** Frees the copy, where the variable has the value too. */
  dropCopy(): void;
  /** Leaves its variable; it must have a copy then. */
  leave(): void;
  /** @throws {BackendError} when it was disposed or donated */
  check(): void;
}

export function createValue(
  runtime: Runtime,
  type: TensorType,
  place: Tensor | Slot,
  host?: HostData,
): Value {
  let slot: Slot | undefined = "home" in place ? place : undefined;
  let copy: Tensor | undefined = "home" in place ? undefined : place;
  let isGone = false;
  const value: Value = {
    type,
    host,
    get slot() {
      return slot;
    },
    get copy() {
      return copy;
    },
    keep(tensor) {
      copy = tensor;
    },
    dropCopy() {
      if (slot === undefined) return;
      copy?.dispose();
      copy = undefined;
    },
    leave() {
      if (slot !== undefined) slot.holder = undefined;
      slot = undefined;
    },
    check() {
      if (isGone)
        throw new BackendError(`tfjs: ${formatType(type)} was used after it was disposed or donated`);
    },
    async read() {
      value.check();
      return { type, data: runtime.read(tensorsOf([value])[0] as Tensor) };
    },
    dispose() {
      if (isGone) return;
      isGone = true;
      copy?.dispose();
      copy = undefined;
      const home = slot?.home;
      value.leave();
      home?.released();
    },
  };
  if (slot !== undefined) slot.holder = value;
  return value;
}

/** The tensors of values; those in variables are copied, all of a session at once. They stay the values'. */
export function tensorsOf(values: readonly Value[]): readonly Tensor[] {
  const byHome = new Map<Home, Set<Value>>();
  for (const value of values) {
    value.check();
    if (value.copy !== undefined || value.slot === undefined) continue;
    const group = byHome.get(value.slot.home) ?? new Set();
    byHome.set(value.slot.home, group.add(value));
  }
  for (const [home, group] of byHome) {
    const members = [...group];
    const tensors = home.fetch(members.map((value) => value.slot as Slot));
    for (const [index, value] of members.entries()) value.keep(tensors[index] as Tensor);
  }
  return values.map((value) => value.copy as Tensor);
}
