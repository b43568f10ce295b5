/**
 * Tensors of the compiled backend. A value lies in memory of TensorFlow, or in a variable of the session that computed it,
 * where it stays as long as it is handed back to the same function: so moments of an optimizer and caches are updated
 * in place, and on a GPU never leave it. Anyone else gets a copy of the variable, made when it is asked for.
 */
import { BackendError, type DeviceTensor, formatType, type HostData, type TensorType } from "@alignkit/core";
import type { Memory, Runtime } from "./runtime.js";

/** A variable of a session, and the value that lies in it. */
export interface Slot {
  readonly home: Home;
  holder: Value | undefined;
}

/** The session that variables belong to. */
export interface Home {
  /** Copies of variables, in order; they may share the memory until the variable is written. */
  fetch(slots: readonly Slot[]): readonly Memory[];
  /** Called when a holder of one of its slots is gone. */
  released(): void;
}

export interface Value extends DeviceTensor {
  /** The variable that it lies in. */
  readonly slot: Slot | undefined;
  /** What was uploaded, where it is short: ids, which are checked before each run. */
  readonly host: HostData | undefined;
  /** Memory of its own, where it lies or was copied to. */
  readonly copy: Memory | undefined;
  /** Gives it memory: a copy of its variable. */
  keep(memory: Memory): void;
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
  place: Memory | Slot,
  host?: HostData,
): Value {
  let isGone = false;
  // Fields, since objects with accessors are made slowly, and a step makes a dozen.
  const value: { -readonly [K in keyof Value]: Value[K] } = {
    type,
    host,
    slot: "home" in place ? place : undefined,
    copy: "home" in place ? undefined : place,
    keep(memory) {
      value.copy = memory;
    },
    dropCopy() {
      if (value.slot === undefined) return;
      value.copy?.dispose();
      value.copy = undefined;
    },
    leave() {
      if (value.slot !== undefined) value.slot.holder = undefined;
      value.slot = undefined;
    },
    check() {
      if (isGone)
        throw new BackendError(`tfjs: ${formatType(type)} was used after it was disposed or donated`);
    },
    async read() {
      value.check();
      return { type, data: runtime.read(tensorsOf([value])[0] as Memory) };
    },
    dispose() {
      if (isGone) return;
      isGone = true;
      value.copy?.dispose();
      value.copy = undefined;
      const home = value.slot?.home;
      value.leave();
      home?.released();
    },
  };
  if (value.slot !== undefined) value.slot.holder = value;
  return value;
}

/** The tensors of values; those in variables are copied, all of a session at once. They stay the values'. */
export function tensorsOf(values: readonly Value[]): readonly Memory[] {
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
    for (const [index, value] of members.entries()) value.keep(tensors[index] as Memory);
  }
  return values.map((value) => value.copy as Memory);
}
