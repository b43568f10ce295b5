/** alignkit's own plugins, and those that the user names. */
import type { Plugin, Registry } from "@alignkit/core";

interface BuiltIn {
  readonly load: () => Promise<Plugin>;
  /** Its stages with what the list of commands says of them, so that the list needs no plugin. */
  readonly stages: Readonly<Record<string, string>>;
}

/** What the command brings along; each is loaded when it is needed. */
export const builtInPlugins: readonly BuiltIn[] = [
  {
    load: async () => (await import("@alignkit/sft")).sft(),
    stages: {
      pretrain: "Trains a new or given language model on raw text; every token is learned",
      sft: "Fine-tunes a language model on demonstrations; only completions are learned, unless asked otherwise",
    },
  },
  {
    load: async () => (await import("@alignkit/reward")).reward(),
    stages: { reward: "Trains a reward model on rankings; demonstrations score 0 on average" },
  },
  {
    load: async () => (await import("@alignkit/ppo")).ppo(),
    stages: { ppo: "Reinforcement learning from a reward model: PPO, with pretraining text PPO-ptx" },
  },
  { load: async () => (await import("@alignkit/backend-onnx")).onnx(), stages: {} },
  { load: async () => (await import("@alignkit/backend-tfjs")).tfjs(), stages: {} },
  { load: async () => (await import("./reference-plugin.js")).reference(), stages: {} },
  { load: async () => (await import("@alignkit/core/trackers")).trackers(), stages: {} },
];

/** A plugin as a config names it. */
export interface PluginReference {
  /** A package, a file, or either with `#export`. */
  readonly use: string;
  readonly options?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * @param baseDirectory - where files start, and from where packages are looked up
 * @throws {ConfigError} when a plugin cannot be loaded, or two bear the same name
 */
export async function loadRegistry(
  references: readonly PluginReference[],
  baseDirectory: string,
): Promise<Registry> {
  const { createRegistry, loadPlugin } = await import("@alignkit/core");
  const own = await Promise.all(builtInPlugins.map(({ load }) => load()));
  const others: Plugin[] = [];
  for (const { use, options } of references) others.push(await loadPlugin(use, baseDirectory, options));
  return createRegistry([...own, ...others]);
}
