/** Runs a plan: sessions of ONNX Runtime and host kernels, in order, over the backend's memory. */
import {
  BackendError,
  checkIds,
  checkInput,
  type DeviceTensor,
  type Executable,
  formatType,
  type Operation,
  type RunOptions,
  sameType,
  type TensorType,
} from "@alignkit/core";
import { evaluateSize, type FreeSize } from "./dimensions.js";
import { type HostKernel, type HostOpName, hostTable } from "./host/table.js";
import type { HostKernels } from "./kernels/host-kernels.js";
import type { Handle, OrtApi } from "./ort-api.js";
import type { OutputPart, Plan, Slot, Step } from "./plan.js";
import type { Session } from "./session-store.js";
import type { TensorMemory, Value } from "./tensor-memory.js";

export interface ExecutableParts {
  readonly plan: Plan;
  /** One per model step, in order. */
  readonly sessions: readonly Session[];
  /** By input position; owned by the executable. */
  readonly constants: ReadonlyMap<number, Value>;
  readonly memory: TensorMemory;
  readonly kernels: HostKernels;
  readonly api: OrtApi;
  /** Brings a tensor that was handed in to this backend's own kind. @throws {BackendError} for a stranger */
  readonly own: (tensor: DeviceTensor) => Value;
}

/**
 * What runs so often will run on: its memory is put in order then. That takes as long as what it gains in some 100 steps
 * of training: 0.3 s at 5M parameters, 1 s at 124M.
 */
const runsUntilSettled = 64;
/** After so many bytes of host work the event loop gets a turn. */
const bytesPerTurn = 64 << 20;

type HostStep = Step & { readonly kind: "host" };

interface Run {
  readonly values: (Value | undefined)[];
  /** Slots whose memory may be overwritten once nothing reads them any more: the run's own, and donated inputs. */
  readonly owned: Set<Slot>;
  readonly typeOf: (slot: Slot) => TensorType;
}

export function createExecutable(parts: ExecutableParts): Executable {
  const { plan, sessions, constants, memory, own } = parts;
  const sessionOf = new Map<Step, Session>();
  for (const step of plan.steps)
    if (step.kind === "model") sessionOf.set(step, sessions[sessionOf.size] as Session);

  const start = (inputs: readonly (DeviceTensor | undefined)[], donate: ReadonlySet<number>): Run => {
    const given = plan.inputs.map(({ tensor }, position) => {
      const constant = constants.get(position);
      if (constant !== undefined) return constant;
      const value = inputs[position];
      const { name } = (tensor.operation as Operation<"input">).attributes;
      if (plan.sizes.symbols.length === 0) checkInput(tensor.type, value, position, name);
      if (value === undefined) throw new BackendError(`input ${position} (${name}) is missing`);
      return own(value);
    });
    const symbols = new Map<FreeSize, number>();
    for (const symbol of plan.sizes.symbols) {
      symbols.set(symbol, (given[symbol.input] as Value).type.shape[symbol.axis] as number);
    }
    const typeOf = ({ tensor, shape }: Slot): TensorType =>
      shape.every((size) => typeof size === "number")
        ? tensor.type
        : { dtype: tensor.dtype, shape: shape.map((size) => evaluateSize(size, symbols)) };
    if (symbols.size > 0) checkFreeSizes(plan, given, typeOf);
    // ONNX counts negative ids from the end, and GPUs clamp.
    for (const { op, input, limit } of plan.idChecks)
      checkIds(op, given[input]?.peek() ?? [], evaluateSize(limit, symbols));
    const values: (Value | undefined)[] = new Array(plan.slotCount);
    const owned = new Set<Slot>();
    for (const [position, slot] of plan.inputs.entries()) {
      values[slot.index] = given[position];
      // One tensor given twice must not change under the other's eyes.
      if (donate.has(position) && isOnce(given, position)) owned.add(slot);
    }
    return { values, owned, typeOf };
  };

  /** For each step the last one that it must wait for, -1 if there is none. */
  const lastNeeds = plan.steps.map((step, at) =>
    plan.steps.findLastIndex((earlier, index) => index < at && needs(step, earlier)),
  );

  const steps = async (run: Run): Promise<void> => {
    /** Host steps that helper threads may still be at, while this thread does its share of the next ones. */
    let begun: Step[] = [];
    let kernels: Promise<void>[] = [];
    let bytes = 0;
    const release = (step: Step): void => {
      for (const slot of step.lastUses) if (run.owned.has(slot)) run.values[slot.index]?.dispose();
    };
    const finish = async (): Promise<void> => {
      const failed = (await Promise.allSettled(kernels)).find((result) => result.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      begun.forEach(release);
      [begun, kernels] = [[], []];
    };
    for (const [at, step] of plan.steps.entries()) {
      if ((lastNeeds[at] as number) >= at - begun.length) await finish();
      if (step.kind === "model") {
        await runModel(parts, sessionOf.get(step) as Session, step, run);
        release(step);
        continue;
      }
      begun.push(step);
      const kernel = runKernel(parts, step, run);
      kernel.catch(() => {}); // Told when all have ended.
      kernels.push(kernel);
      for (const slot of step.inputs) bytes += run.values[slot.index]?.array().byteLength ?? 0;
      if (bytes <= bytesPerTurn) continue;
      bytes = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await finish();
  };

  let runs = 0;
  return {
    async run(inputs, { donate = new Set() }: RunOptions = {}) {
      const run = start(inputs, donate);
      try {
        await steps(run);
      } catch (error) {
        for (const slot of run.owned) run.values[slot.index]?.dispose();
        throw error;
      }
      const results = collect(plan, run);
      for (const position of donate) inputs[position]?.dispose();
      memory.nextRound();
      runs++;
      if (runs === runsUntilSettled) await memory.settle?.();
      return results;
    },
    async dispose() {
      for (const session of sessions) session.release();
      for (const value of constants.values()) value.dispose();
    },
  };
}

function isOnce(values: readonly Value[], position: number): boolean {
  const value = values[position] as Value;
  return values.indexOf(value) === values.lastIndexOf(value);
}

async function runModel(
  { api, memory }: ExecutableParts,
  { handle, run: runSession, inputNames, outputNames }: Session,
  step: Step & { readonly kind: "model" },
  run: Run,
): Promise<void> {
  const inputs = step.inputs.map((slot) => run.values[slot.index] as Value);
  const outputs = step.outputs.map((slot) => {
    const target = step.overwrites.get(slot);
    const value = target && run.values[target.index];
    const mayOverwrite =
      target !== undefined &&
      value !== undefined &&
      run.owned.has(target) &&
      step.lastUses.has(target) &&
      !value.isShared;
    return mayOverwrite ? value.share() : memory.allocate(run.typeOf(slot));
  });
  const partHandles: Handle[] = [];
  const handleOf = ({ slot, rows }: OutputPart): Handle => {
    const value = outputs[step.outputs.indexOf(slot)] as Value;
    if (rows === undefined) return value.handle;
    const part = value.rows(rows.start, rows.end);
    partHandles.push(part);
    return part;
  };
  try {
    const values = {
      inputNames,
      inputs: inputs.map((value) => value.handle),
      outputNames,
      outputs: step.parts.map(handleOf),
    };
    // A device is fed from one thread: its queue and its memory know no others.
    if (memory.isHost) await runSession(values);
    else api.runSync(handle, values);
  } catch (error) {
    for (const value of outputs) value.dispose();
    throw error;
  } finally {
    for (const part of partHandles) api.releaseTensor(part);
  }
  for (const [index, slot] of step.outputs.entries()) {
    run.values[slot.index] = outputs[index];
    run.owned.add(slot);
  }
}

/** Whether a step must wait for an earlier one: a kernel where it reads what that makes, or writes over what that reads. */
function needs(step: Step, earlier: Step): boolean {
  if (step.kind === "model" || earlier.kind === "model") return true;
  const { writes } = hostTable[step.operation.op as HostOpName];
  return step.inputs.some(
    (slot, position) =>
      earlier.outputs.includes(slot) || (writes.includes(position) && earlier.inputs.includes(slot)),
  );
}

async function runKernel({ memory, kernels }: ExecutableParts, step: HostStep, run: Run): Promise<void> {
  const { operation, inputs, outputs, lastUses } = step;
  const kernel = hostTable[operation.op] as HostKernel<HostOpName>;
  const values = inputs.map((slot) => run.values[slot.index] as Value);
  // Before results take over memory, about which nothing is known then.
  const touched = values.map((value) => value.touched);
  const hostOf = (value: Value, position: number) => ({
    shape: value.type.shape,
    data: value.array(),
    touched: touched[position],
  });
  const mayOverwrite = (position: number): boolean => {
    const slot = inputs[position] as Slot;
    return (
      run.owned.has(slot) &&
      lastUses.has(slot) &&
      !(values[position] as Value).isShared &&
      inputs.indexOf(slot) === inputs.lastIndexOf(slot)
    );
  };
  const fresh: Value[] = [];
  const results = kernel.writes.map((position, index) => {
    // In both ways the result takes over the memory; the input's own handle on it is disposed like any other.
    if (position === undefined) {
      const type = run.typeOf(outputs[index] as Slot);
      const under = kernel.mayLieIn?.(values.map(hostOf));
      const value =
        under !== undefined && mayOverwrite(under)
          ? (values[under] as Value).front(type)
          : kernel.startsAtZero
            ? memory.zeros(type)
            : memory.allocate(type);
      fresh.push(value);
      return value;
    }
    const value = values[position] as Value;
    const target = mayOverwrite(position) ? value.share() : memory.copy(value);
    values[position] = target;
    return target;
  });
  const host = values.map(hostOf);
  const known = await kernel.run(
    kernels,
    host,
    operation.attributes as never,
    fresh.map((value) => value.array()),
  );
  for (const [index, slot] of outputs.entries()) {
    const result = results[index] as Value;
    result.touched = known?.[index];
    run.values[slot.index] = result;
    run.owned.add(slot);
  }
}

/** An output that is an input, or stands twice, shares its memory until one of them is overwritten or disposed. */
function collect({ inputs, outputs }: Plan, { values }: Run): readonly Value[] {
  const taken = new Set(inputs);
  return outputs.map((slot) => {
    const value = values[slot.index] as Value;
    const isOwn = !taken.has(slot);
    taken.add(slot);
    return isOwn ? value : value.share();
  });
}

function checkFreeSizes(plan: Plan, given: readonly Value[], typeOf: (slot: Slot) => TensorType): void {
  for (const [position, slot] of plan.inputs.entries()) {
    const { name } = (slot.tensor.operation as Operation<"input">).attributes;
    const { type } = given[position] as Value;
    const expected = typeOf(slot);
    if (!sameType(type, expected)) {
      throw new BackendError(
        `input ${position} (${name}) is ${formatType(type)}; beside the other inputs it must be ${formatType(expected)}`,
      );
    }
  }
}
