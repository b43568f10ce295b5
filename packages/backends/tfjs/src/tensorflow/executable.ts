/** Runs a plan in a session, whose variables hold constants and what is overwritten. */
import {
  BackendError,
  checkIds,
  checkInput,
  type DeviceTensor,
  type Executable,
  type Graph,
  type HostData,
  type Operation,
  type TensorType,
} from "@alignkit/core";
import { actions, type Plan } from "./plan.js";
import type { Memory, Runtime, Session } from "./runtime.js";
import { type Home, type Slot, tensorsOf, type Value } from "./values.js";

export type Create = (type: TensorType, place: Memory | Slot, host?: HostData) => Value;

export interface ExecutableParts {
  readonly runtime: Runtime;
  /** Of the plan; its variables are free. */
  readonly session: Session;
  /** Takes the session back, its variables freed. */
  readonly giveBack: () => void;
  readonly graph: Graph;
  readonly plan: Plan;
  /** By input position; borrowed until the executable is made. */
  readonly constants: ReadonlyMap<number, Value>;
  /** Brings a tensor that was handed in to this backend's own kind. @throws {BackendError} for a stranger */
  readonly own: (tensor: DeviceTensor) => Value;
  readonly create: Create;
}

export function createExecutable({
  runtime,
  session,
  giveBack,
  graph,
  plan,
  constants,
  own,
  create,
}: ExecutableParts): Executable {
  let isDisposed = false;
  const home: Home = {
    fetch: (wanted) => {
      const reads = wanted.map((slot) => plan.states[slots.indexOf(slot)]?.read as string);
      return session.run([], reads);
    },
    released() {
      if (session.isOpen && slots.every(({ holder }) => holder === undefined)) act(actions.freeStates);
    },
  };
  const slots: readonly Slot[] = plan.states.map(() => ({ home, holder: undefined }));
  const act = (action: string, feeds: readonly (readonly [string, Memory])[] = []): void => {
    for (const tensor of session.run(feeds, [action])) tensor.dispose();
  };
  if (plan.constants.length > 0) {
    const values = plan.constants.map(({ position }) => constants.get(position) as Value);
    const tensors = tensorsOf(values);
    act(
      actions.setConstants,
      plan.constants.map(({ feed }, index) => [feed, tensors[index] as Memory]),
    );
  }

  const given = (inputs: readonly (DeviceTensor | undefined)[]): readonly (Value | undefined)[] =>
    graph.inputs.map((tensor, position) => {
      if (constants.has(position)) return undefined;
      const value = inputs[position];
      const { name } = (tensor.operation as Operation<"input">).attributes;
      checkInput(plan.inputTypes[position] as TensorType, value, position, name);
      const mine = own(value as DeviceTensor);
      mine.check();
      return mine;
    });

  /** Values leave the variables, which then have no holder. */
  const vacate = (): void => {
    const holders = slots.flatMap(({ holder }) => holder ?? []);
    tensorsOf(holders);
    for (const holder of holders) holder.leave();
  };

  /** Brings what will be overwritten into the variables. */
  const settle = (values: readonly Value[], donate: ReadonlySet<number>): void => {
    const isDonated = plan.states.map(({ position }) => donate.has(position));
    if (slots.every(({ holder }, index) => holder === values[index] && isDonated[index])) {
      for (const value of values) value.dropCopy();
    } else {
      vacate();
      const tensors = tensorsOf(values);
      act(
        actions.setStates,
        plan.states.map(({ feed }, index) => [feed, tensors[index] as Memory]),
      );
    }
    // Who goes on holding a donated value would keep the variable from being written in place.
    for (const [index, value] of values.entries()) {
      if (!isDonated[index]) continue;
      value.leave();
      value.dispose();
    }
  };

  return {
    async run(inputs, { donate = new Set<number>() } = {}) {
      if (isDisposed) throw new BackendError("tfjs: a compiled function was used after it was disposed");
      const values = given(inputs);
      for (const { op, input, limit } of plan.idChecks) {
        const ids = values[input];
        if (ids === undefined) continue;
        checkIds(op, ids.host ?? runtime.read(tensorsOf([ids])[0] as Memory), limit);
      }
      // A donated state is gone once it is settled: outputs that are inputs are taken before.
      const passed = new Map<number, Value>();
      for (const [index, output] of plan.outputs.entries()) {
        if (output.kind !== "input") continue;
        const value = values[output.position] ?? (constants.get(output.position) as Value);
        passed.set(index, create(value.type, (tensorsOf([value])[0] as Memory).share()));
      }
      let fetched: readonly Memory[] = [];
      try {
        if (slots.length > 0)
          settle(
            plan.states.map(({ position }) => values[position] as Value),
            donate,
          );
        const tensors = tensorsOf(plan.feeds.map(({ position }) => values[position] as Value));
        const feeds = plan.feeds.map(({ name }, index) => [name, tensors[index] as Memory] as const);
        if (plan.fetches.length > 0) fetched = session.run(feeds, plan.fetches);
      } catch (error) {
        for (const value of passed.values()) value.dispose();
        throw explain(error);
      } finally {
        for (const position of donate) inputs[position]?.dispose();
      }
      const results: Value[] = [];
      for (const [index, output] of plan.outputs.entries()) {
        const type = plan.outputTypes[index] as TensorType;
        if (output.kind === "input") results.push(passed.get(index) as Value);
        else if (output.kind === "fetched") results.push(create(type, fetched[output.fetch] as Memory));
        else if (output.kind === "state") results.push(create(type, slots[output.state] as Slot));
        else {
          const [first] = tensorsOf([results[output.output] as Value]);
          results.push(create(type, (first as Memory).share()));
        }
      }
      // The last fetch is the sign that all was written.
      for (const tensor of fetched.slice(plan.outputs.filter(({ kind }) => kind === "fetched").length))
        tensor.dispose();
      return results;
    },
    async dispose() {
      if (isDisposed || !session.isOpen) return;
      vacate();
      isDisposed = true;
      if (slots.length > 0) act(actions.freeStates);
      if (plan.constants.length > 0) act(actions.freeConstants);
      giveBack();
    },
  };
}

/** TensorFlow's message in its first line, without what tfjs-node puts before it. */
function explain(error: unknown): unknown {
  const message = error instanceof Error ? error.message : String(error);
  const [, reason] = /^Session fail to run with error: ([^\n]*)/.exec(message) ?? [];
  return reason === undefined
    ? error
    : new BackendError(`tfjs: TensorFlow says: ${reason}`, { cause: error });
}
