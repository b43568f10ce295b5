import {
  add,
  type Backend,
  compileFunction,
  constant,
  createRandom,
  type DeviceTensor,
  fill,
  float32,
  formatType,
  gradients,
  type HostTensor,
  mul,
  type Random,
  referenceBackend,
  sameType,
  sizeOf,
  sum,
  type Tensor,
} from "../index.js";
import type { ConformanceCase, InputSpecification } from "./case.js";
import { conformanceCases } from "./cases.js";
import { checkContract, contractNames } from "./contract.js";

/** What became of one check. */
export interface ConformanceResult {
  /** Of the case, or `contract: ` and the rule. */
  readonly name: string;
  /** `unexpected-pass`: the backend lists it as an expected failure, but it passes; take it off the list. */
  readonly status: "passed" | "failed" | "expected-failure" | "unexpected-pass";
  /** Why it failed: the output and element, both values. */
  readonly message?: string;
}

/** What is checked; everything unless given. */
export interface ConformanceOptions {
  readonly cases?: readonly ConformanceCase[];
  readonly onResult?: (result: ConformanceResult) => void;
}

/** One thing that is checked of a backend. */
export interface ConformanceCheck {
  readonly name: string;
  run(backend: Backend): Promise<ConformanceResult>;
}

/** The cases and the rules of the contract as checks; what the backend lists as expected failures runs all the same. */
export function conformanceChecks(
  cases: readonly ConformanceCase[] = conformanceCases,
): readonly ConformanceCheck[] {
  const check = (
    name: string,
    find: (backend: Backend) => Promise<string | undefined>,
  ): ConformanceCheck => ({
    name,
    async run(backend) {
      const message = await find(backend);
      const expected = Object.hasOwn(backend.expectedFailures ?? {}, name);
      if (message === undefined) return { name, status: expected ? "unexpected-pass" : "passed" };
      return { name, status: expected ? "expected-failure" : "failed", message };
    },
  });
  const checks = [
    ...cases.map((each) => check(each.name, (backend) => checkCase(backend, each))),
    ...contractNames.map((rule) => check(`contract: ${rule}`, (backend) => checkContract(backend, rule))),
  ];
  const names = new Set(checks.map(({ name }) => name));
  const listed = async ({ expectedFailures = {} }: Backend) => {
    const unknown = Object.keys(expectedFailures).filter((name) => !names.has(name));
    return unknown.length === 0 ? undefined : `no such check: ${unknown.join(", ")}`;
  };
  return cases === conformanceCases ? [...checks, check("expected failures are checks", listed)] : checks;
}

/** Compares values and gradients with the reference, and tries the rules of the contract; needs no test framework. */
export async function runConformance(
  backend: Backend,
  { cases, onResult }: ConformanceOptions = {},
): Promise<readonly ConformanceResult[]> {
  const results: ConformanceResult[] = [];
  for (const check of conformanceChecks(cases)) {
    const result = await check.run(backend);
    results.push(result);
    onResult?.(result);
  }
  return results;
}

/** @returns what is wrong, or `undefined` */
export async function checkCase(backend: Backend, each: ConformanceCase): Promise<string | undefined> {
  const random = createRandom(20221203).split(each.name);
  const inputs = each.inputs.map((specification, index) =>
    sample(specification, random.split(String(index))),
  );
  try {
    const expected = await evaluate(referenceBackend(), each, inputs);
    const actual = await evaluate(backend, each, inputs);
    for (const [name, tensor] of expected) {
      const problem = compare(name, tensor, actual.get(name), each);
      if (problem !== undefined) return problem;
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
}

function sample({ dtype, shape, low, high }: InputSpecification, random: Random): HostTensor {
  const size = sizeOf(shape);
  const draw = () => low + random.uniform() * (high - low);
  if (dtype === "float32") return float32(Float32Array.from({ length: size }, draw), shape);
  const values = Array.from({ length: size }, () => Math.floor(draw()));
  return {
    type: { dtype, shape },
    data: dtype === "int32" ? Int32Array.from(values) : Uint8Array.from(values),
  };
}

/** Values of all outputs, and the gradient of a fixed random combination of the float outputs. */
async function evaluate(
  backend: Backend,
  each: ConformanceCase,
  inputs: readonly HostTensor[],
): Promise<ReadonlyMap<string, HostTensor>> {
  const run = compileFunction(backend, ({ x }: { readonly x: readonly Tensor[] }) => {
    const outputs = each.body(...x);
    const differentiable = x.filter((tensor) => tensor.dtype === "float32");
    return { outputs, gradients: each.gradient ? gradients(combine(outputs), differentiable) : [] };
  });
  const results = (await run({ x: inputs })) as {
    readonly outputs: readonly DeviceTensor[];
    readonly gradients: readonly DeviceTensor[];
  };
  const read = new Map<string, HostTensor>();
  for (const kind of ["outputs", "gradients"] as const) {
    for (const [index, tensor] of results[kind].entries()) {
      read.set(`${kind}[${index}]`, await tensor.read());
      tensor.dispose();
    }
  }
  await run.dispose();
  return read;
}

function combine(outputs: readonly Tensor[]): Tensor {
  let total = fill(0, []);
  for (const [index, output] of outputs.entries()) {
    if (output.dtype !== "float32") continue;
    const random = createRandom(index + 1);
    const weights = Float32Array.from({ length: sizeOf(output.shape) }, () => random.uniform() * 2 - 1);
    total = add(total, sum(mul(output, constant(float32(weights, output.shape)))));
  }
  return total;
}

function compare(
  name: string,
  expected: HostTensor,
  actual: HostTensor | undefined,
  { absolute, relative }: ConformanceCase,
): string | undefined {
  if (actual === undefined) return `${name} is missing`;
  if (!sameType(expected.type, actual.type))
    return `${name} is ${formatType(actual.type)}, the reference gives ${formatType(expected.type)}`;
  if (actual.data.length !== expected.data.length)
    return `${name} holds ${actual.data.length} values, the reference ${expected.data.length}`;
  for (let i = 0; i < expected.data.length; i++) {
    const [want, got] = [expected.data[i] as number, actual.data[i] as number];
    // Written so that NaN on either side fails.
    if (!(Math.abs(got - want) <= absolute + relative * Math.abs(want)))
      return `${name}[${i}] is ${got}, the reference gives ${want}`;
  }
  return undefined;
}
