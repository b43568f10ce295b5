/** Matching the tensors of a weight file with the parameters that a config expects. */
import { DataError } from "@alignkit/core";
import type { Head, ModelConfig } from "../config.js";
import { definitionOf, parameterNames, parameterShapes } from "../parameters.js";
import type { TensorEntry } from "./safetensors-header.js";

/** A tensor in one of a directory's weight files. */
export interface StoredTensor {
  readonly file: string;
  readonly entry: TensorEntry;
}

export interface FittedTensors {
  /** Parameter name to the tensor's name in the file, in the order of the parameters. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The stored name of a head that the config says is tied; it must equal the token embedding. */
  readonly storedTiedHead: string | null;
}

/** More problems than this are counted, not listed. */
const listedProblems = 20;

const floatDtypes: ReadonlySet<string> = new Set(["F64", "F32", "F16", "BF16"]);

/**
 * Says which stored tensor is which parameter. Accepts original uploads: names without the family's prefix, and
 * buffers, which are ignored.
 * @param directory - named in errors
 * @param provided - parameters that an adapter holds
 * @throws {DataError} naming every missing, unexpected or misshapen tensor at once
 */
export function fitTensors(
  directory: string,
  config: ModelConfig,
  head: Head,
  stored: ReadonlyMap<string, StoredTensor>,
  provided: ReadonlySet<string> = new Set(),
): FittedTensors {
  const family = definitionOf(config);
  const prefix = `${family.basePrefix}.`;
  const expected = parameterShapes(config, head);
  const languageModelHead = `${family.modules.languageModelHead}.weight`;
  const tiedHead = head === "language_model" && config.tiedHead ? languageModelHead : null;
  // An adapter with a scalar head leaves that of its base unused.
  const unusedHead = provided.has(parameterNames(config).scalarHead) ? languageModelHead : null;
  const found = new Map<string, string>();
  const problems: string[] = [];
  let storedTiedHead: string | null = null;
  for (const [name, { file, entry }] of stored) {
    const parameter = expected.has(name) ? name : `${prefix}${name}`;
    const shape = expected.get(parameter);
    if (shape !== undefined) {
      problems.push(...misfits(parameter, name, shape, { file, entry }, found));
      found.set(parameter, name);
    } else if (name === tiedHead) {
      storedTiedHead = name;
    } else if (name !== unusedHead && !isBuffer(name)) {
      problems.push(`unexpected ${name} [${entry.shape.join(", ")}] in ${file}`);
    }
  }
  for (const [parameter, shape] of expected) {
    if (!found.has(parameter) && !provided.has(parameter)) {
      problems.push(`missing ${parameter} [${shape.join(", ")}]`);
    }
  }
  if (problems.length > 0) {
    throw new DataError(
      `${directory}: the weights do not fit config.json (${config.family}, ${head} head); take both from the same model: ${listProblems(problems)}`,
      { details: { directory, problems } },
    );
  }
  return {
    parameters: new Map(
      [...expected.keys()].map((parameter) => [parameter, found.get(parameter) ?? parameter]),
    ),
    storedTiedHead,
  };

  function isBuffer(name: string): boolean {
    const local = name.startsWith(prefix) ? name.slice(prefix.length) : name;
    return family.ignoredBuffers.some((buffer) => buffer.test(local));
  }
}

/** As one text, the first of them. */
export function listProblems(problems: readonly string[]): string {
  const more = problems.length - listedProblems;
  return problems.slice(0, listedProblems).join("; ") + (more > 0 ? `; and ${more} more` : "");
}

/** What is wrong with one tensor. @param found - parameters so far, with the tensors' names */
export function misfits(
  parameter: string,
  name: string,
  shape: readonly number[],
  { file, entry }: StoredTensor,
  found: ReadonlyMap<string, string>,
  configuration = "config.json",
): readonly string[] {
  const problems: string[] = [];
  const other = found.get(parameter);
  if (other !== undefined) {
    problems.push(`${parameter} is there twice, as ${other} and as ${name} in ${file}`);
  }
  if (entry.shape.length !== shape.length || entry.shape.some((size, axis) => size !== shape[axis])) {
    problems.push(
      `${name} in ${file} has shape [${entry.shape.join(", ")}], ${configuration} asks for [${shape.join(", ")}]`,
    );
  }
  if (!floatDtypes.has(entry.dtype)) {
    problems.push(`${name} in ${file} is ${entry.dtype}, not a floating-point tensor`);
  }
  return problems;
}
