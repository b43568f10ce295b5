/** Matching the tensors of an adapter file with those that its configuration expects. */
import { DataError } from "@alignkit/core";
import type { Head, ModelConfig } from "../config.js";
import { parameterNames, parameterSpecifications } from "../parameters.js";
import { adapterPrefix } from "./adapter-config.js";
import { listProblems, misfits } from "./fit.js";
import { adapterConfigFile } from "./layout.js";
import type { TensorEntry } from "./safetensors-header.js";

/**
 * Parameter names to names in the file. A scalar head may be left to the base.
 * @throws {DataError} naming every missing, unexpected or misshapen tensor at once
 */
export function fitAdapter(
  file: string,
  config: ModelConfig,
  head: Head,
  tensors: ReadonlyMap<string, TensorEntry>,
): ReadonlyMap<string, string> {
  const { scalarHead } = parameterNames(config);
  const expected = new Map(
    parameterSpecifications(config, head)
      .filter(({ frozen }) => !frozen)
      .map(({ name, shape }) => [name, shape]),
  );
  const found = new Map<string, string>();
  const problems: string[] = [];
  for (const [name, entry] of tensors) {
    const parameter = name.startsWith(adapterPrefix) ? name.slice(adapterPrefix.length) : name;
    const shape = expected.get(parameter);
    if (shape === undefined) {
      problems.push(`unexpected ${name} [${entry.shape.join(", ")}]`);
      continue;
    }
    problems.push(...misfits(parameter, name, shape, { file, entry }, found, adapterConfigFile));
    found.set(parameter, name);
  }
  for (const [parameter, shape] of expected) {
    if (!found.has(parameter) && parameter !== scalarHead) {
      problems.push(`missing ${adapterPrefix}${parameter} [${shape.join(", ")}]`);
    }
  }
  if (problems.length > 0) {
    throw new DataError(
      `${file}: the adapter does not fit adapter_config.json and its base (${config.family}, ${head} head); take the base that it was trained on: ${listProblems(problems)}`,
      { details: { file, problems } },
    );
  }
  return found;
}
