/** Model shapes of the bench, random weights, and token ids that both sides make alike. */
import { createRandom, float32, type HostTensor } from "@alignkit/core";
import {
  createModelConfig,
  initializeParameters,
  type ModelConfig,
  readModelDirectory,
} from "@alignkit/models";

/** Fields of `config.json`; the peers hold the same table. */
const shapes = {
  "gpt2-tiny": { vocab_size: 128, n_positions: 128, n_embd: 64, n_layer: 2, n_head: 4 },
  "gpt2-5m": { vocab_size: 8192, n_positions: 1024, n_embd: 256, n_layer: 4, n_head: 4 },
  "gpt2-124m": { vocab_size: 50_257, n_positions: 1024, n_embd: 768, n_layer: 12, n_head: 12 },
} as const;

export type ModelName = keyof typeof shapes;
export const modelNames = Object.keys(shapes) as readonly ModelName[];

export interface BenchModel {
  readonly config: ModelConfig;
  readonly parameters: Readonly<Record<string, HostTensor>>;
}

export function modelConfig(name: ModelName): ModelConfig {
  const dropout = { embd_pdrop: 0, attn_pdrop: 0, resid_pdrop: 0 };
  return createModelConfig({ model_type: "gpt2", ...shapes[name], ...dropout });
}

/** @param directory - weights to read; random ones of a fixed seed unless given, since times do not depend on weights */
export async function loadModel(name: ModelName, directory?: string): Promise<BenchModel> {
  const config = modelConfig(name);
  const values =
    directory === undefined
      ? initializeParameters(config, "language_model", createRandom(0).split(name))
      : (await readModelDirectory(directory)).parameters;
  const parameters: Record<string, HostTensor> = {};
  for (const [key, { data, shape }] of values) parameters[key] = float32(data, shape);
  return { config, parameters };
}

/** Ids in `1 .. vocabulary - 1` by a hash of their position, `[batch][length]`. */
export function tokenIds(vocabulary: number, batch: number, length: number): readonly Int32Array[] {
  return Array.from({ length: batch }, (_, row) =>
    Int32Array.from({ length }, (_, column) => 1 + (hash(row * length + column) % (vocabulary - 1))),
  );
}

/** A mixing function of 32 bits; `token_ids` of the peers computes the same. */
function hash(index: number): number {
  let h = Math.imul(index + 1, 2_654_435_761);
  h = Math.imul(h ^ (h >>> 15), 2_246_822_519);
  return (h ^ (h >>> 13)) >>> 0;
}
