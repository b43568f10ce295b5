import type { ConfigSchema, StageDefinition } from "@alignkit/core";
import { dashed } from "../options/config-flags.js";
import { configKeys } from "../options/config-keys.js";

/** Lines of the help for a stage that alignkit may not know: its required inputs as flags. */
export function exampleOf({ name, consumes, config }: StageDefinition): readonly string[] {
  const inputs = Object.keys(consumes).map((input) => ` --${dashed(input)} ${dashed(input)}-directory`);
  const start = `${name}${inputs.join("")}`;
  return [
    `${start} --config ${name}.yaml --output-dir runs/${name}`,
    `${name} --config ${name}.yaml${hasMaxSteps(config) ? " --max-steps 100" : ""} --dry-run`,
    `${name} --config ${name}.yaml --resume`,
  ];
}

const hasMaxSteps = (config: ConfigSchema) => configKeys(config).some(({ name }) => name === "max_steps");
