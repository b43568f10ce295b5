/** `alignkit run`: a pipeline from a file. */
import { basename, dirname, extname, resolve } from "node:path";
import { ConfigError, type Pipeline, type PipelineStage, type Registry } from "@alignkit/core";
import { pipelineSchema } from "@alignkit/core/pipeline-schema";
import { parse as parseYaml } from "yaml";
import type { PipelineFlags } from "../commands/run.js";
import { configKeys } from "../options/config-keys.js";
import { suggestion } from "../options/nearest-name.js";
import {
  type ConfigObject,
  checkKeys,
  requireObject,
  runKeys,
  runSettings,
} from "../options/run-settings.js";
import { readYamlFile, type YamlFile } from "../options/yaml-file.js";
import { loadRegistry } from "../plugins.js";
import type { Session } from "../session.js";
import { UsageError } from "../usage-error.js";
import { runInTerminal } from "./run-in-terminal.js";

/** Paths in the file start at the file; those of flags at the working directory. */
export async function runPipelineFile(session: Session, path: string, flags: PipelineFlags): Promise<void> {
  const { workingDirectory } = session.terminal;
  const file = await readYamlFile(resolve(workingDirectory, path), path);
  const baseDirectory = dirname(file.path);
  checkKeys(file, [], [...runKeys, "stages"]);
  const settings = runSettings(flags, file);
  const registry = await loadRegistry(
    [...settings.plugins, ...(flags.plugin ?? []).map((use) => ({ use }))],
    baseDirectory,
  );
  const { set = [] } = flags;
  const { stages } = override(readPipeline(file, registry), set, registry);
  const inFile = requireObject(file, []).output_dir as string | undefined;
  await runInTerminal(session, {
    ...flags,
    pipeline: { preset: settings.preset, stages },
    registry,
    baseDirectory,
    placeOf(stage, path) {
      const { use, as = use } = stages[stage] as PipelineStage;
      const isFromFlag = set.some((change) => change.startsWith(`${as}.${path[0]}=`));
      return isFromFlag ? undefined : file.place(["stages", stage, "config", ...path]);
    },
    backend: settings.backend,
    seed: settings.seed,
    trackers: settings.trackers,
    runDirectory:
      flags.outputDir === undefined && inFile !== undefined
        ? resolve(baseDirectory, inFile)
        : resolve(workingDirectory, flags.outputDir ?? `runs/${basename(path, extname(path))}`),
  });
}

const stageKeys = ["use", "as", "preset", "config", "inputs"];

function readPipeline(file: YamlFile, registry: Registry): Pipeline {
  const { stages } = requireObject(file, []);
  if (Array.isArray(stages)) {
    for (const index of stages.keys()) checkStageKeys(file, index, registry);
  }
  const result = pipelineSchema.safeParse({ stages });
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => {
    const keys = path.filter((key) => typeof key !== "symbol");
    return `${file.place(keys)}: ${keys.join(".")}: ${message}`;
  });
  throw new ConfigError(problems.join("\n"), { details: { problems } });
}

/** Unknown keys, with the line and the nearest name; all else is for the schemas to say. */
function checkStageKeys(file: YamlFile, index: number, registry: Registry): void {
  checkKeys(file, ["stages", index], stageKeys);
  const { use } = requireObject(file, ["stages", index]);
  if (typeof use !== "string") return;
  const definition = registry.stages.get(use);
  if (definition === undefined) {
    throw new ConfigError(
      `${file.place(["stages", index, "use"])}: stage "${use}" is unknown${suggestion(use, [...registry.stages.keys()])}`,
    );
  }
  const keys = configKeys(definition.config);
  if (keys.length > 0)
    checkKeys(
      file,
      ["stages", index, "config"],
      keys.map((key) => key.name),
    );
  checkKeys(
    file,
    ["stages", index, "inputs"],
    Object.keys({ ...definition.consumes, ...definition.optionalConsumes }),
  );
}

/** Applies `stage.key=value`; the value is YAML. */
function override(pipeline: Pipeline, changes: readonly string[], registry: Registry): Pipeline {
  let { stages } = pipeline;
  for (const change of changes) {
    const [, name, key, text] = /^([^.=]+)\.([^=]+)=(.*)$/s.exec(change) ?? [];
    if (name === undefined || key === undefined || text === undefined) {
      throw new UsageError(`--set ${change}: write stage.key=value, such as sft.learning_rate=1e-5`);
    }
    const names = stages.map((stage) => stage.as ?? stage.use);
    const changed = stages.find((stage) => (stage.as ?? stage.use) === name);
    if (changed === undefined) {
      throw new UsageError(
        `--set ${change}: stage "${name}" is not in the pipeline${suggestion(name, names)}`,
      );
    }
    const known = configKeys(registry.stage(changed.use).config).map((one) => one.name);
    if (known.length > 0 && !known.includes(key)) {
      throw new UsageError(`--set ${change}: "${key}" is unknown${suggestion(key, known)}`);
    }
    const config = { ...(changed.config as ConfigObject | undefined), [key]: parseValue(text, change) };
    stages = stages.map((stage) => (stage === changed ? { ...stage, config } : stage));
  }
  return { stages };
}

function parseValue(text: string, change: string): unknown {
  try {
    return parseYaml(text);
  } catch (cause) {
    throw new UsageError(`--set ${change}: the value is not YAML (${(cause as Error).message})`);
  }
}
