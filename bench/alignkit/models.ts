/** Model shapes of the bench, random weights, and token ids that both sides make alike. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom, float32, type HostTensor } from "@alignkit/core";
import {
  createModelConfig,
  type Head,
  initializeParameters,
  type ModelConfig,
  readModelDirectory,
  writeModelDirectory,
} from "@alignkit/models";

const gpt2 = { model_type: "gpt2", embd_pdrop: 0, attn_pdrop: 0, resid_pdrop: 0 } as const;
const llama = { model_type: "llama", rms_norm_eps: 1e-5, tie_word_embeddings: true } as const;

/** Fields of `config.json`; the peers hold the same table. */
const shapes = {
  "gpt2-tiny": { ...gpt2, vocab_size: 128, n_positions: 128, n_embd: 64, n_layer: 2, n_head: 4 },
  "gpt2-5m": { ...gpt2, vocab_size: 8192, n_positions: 1024, n_embd: 256, n_layer: 4, n_head: 4 },
  "gpt2-124m": { ...gpt2, vocab_size: 50_257, n_positions: 1024, n_embd: 768, n_layer: 12, n_head: 12 },
  "llama-tiny": {
    ...llama,
    vocab_size: 128,
    max_position_embeddings: 128,
    hidden_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    intermediate_size: 96,
  },
  "llama-135m": {
    ...llama,
    vocab_size: 49_152,
    max_position_embeddings: 2048,
    hidden_size: 576,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    intermediate_size: 1536,
  },
} as const;

export type ModelName = keyof typeof shapes;
export const modelNames = Object.keys(shapes) as readonly ModelName[];

export interface BenchModel {
  readonly config: ModelConfig;
  readonly parameters: Readonly<Record<string, HostTensor>>;
}

/** Fields of `config.json` that differ from those of the named model. */
export type ShapeChanges = Readonly<Record<string, number>>;

export function modelConfig(name: ModelName, changes: ShapeChanges = {}): ModelConfig {
  return createModelConfig({
    ...shapes[name],
    ...changes,
    bos_token_id: 0,
    eos_token_id: 0,
    pad_token_id: null,
  });
}

/** @param directory - weights to read; random ones of a fixed seed unless given, since times do not depend on weights */
export async function loadModel(
  name: ModelName,
  directory?: string,
  changes?: ShapeChanges,
): Promise<BenchModel> {
  const config = modelConfig(name, changes);
  const values =
    directory === undefined
      ? initializeParameters(config, "language_model", createRandom(0).split(name))
      : (await readModelDirectory(directory)).parameters;
  const parameters: Record<string, HostTensor> = {};
  for (const [key, { data, shape }] of values) parameters[key] = float32(data, shape);
  return { config, parameters };
}

/**
 * A model directory with random weights.
 * @param widening - multiplies what was drawn; norm weights, which are 1, and biases, which are 0, stay
 */
export async function writeRandomModel(
  directory: string,
  name: ModelName,
  head: Head,
  {
    seed = 0,
    widening = 1,
    changes,
  }: {
    readonly seed?: number;
    readonly widening?: number;
    readonly changes?: ShapeChanges | undefined;
  } = {},
): Promise<void> {
  const config = modelConfig(name, changes);
  const parameters = initializeParameters(config, head, createRandom(seed).split(name).split(head));
  if (widening !== 1) {
    for (const { data } of parameters.values()) {
      if (data[0] === 1 || data[0] === 0) continue;
      for (let index = 0; index < data.length; index++) data[index] = widening * (data[index] as number);
    }
  }
  await writeModelDirectory(directory, { config, head, parameters, generationConfig: null });
}

/** A folder for the time that `use` takes. */
export async function withScratch<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "alignkit-bench-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Ids in `1 .. vocabulary - 1` by a hash of their position, `[batch][length]`. */
export function tokenIds(vocabulary: number, batch: number, length: number): readonly Int32Array[] {
  return tokenRows(vocabulary, new Array<number>(batch).fill(length));
}

/** The same ids cut into rows of these lengths. */
export function tokenRows(vocabulary: number, lengths: readonly number[]): readonly Int32Array[] {
  let start = 0;
  return lengths.map((length) => {
    const first = start;
    start += length;
    return Int32Array.from({ length }, (_, column) => 1 + (hash(first + column) % (vocabulary - 1)));
  });
}

/** A mixing function of 32 bits; `token_ids` of the peers computes the same. */
function hash(index: number): number {
  let h = Math.imul(index + 1, 2_654_435_761);
  h = Math.imul(h ^ (h >>> 15), 2_246_822_519);
  return (h ^ (h >>> 13)) >>> 0;
}
