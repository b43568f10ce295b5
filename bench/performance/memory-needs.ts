/** What must be in memory at once in the works of the bench: sizes from the shapes, before anything runs. */
import {
  decodingWeightBytes,
  forwardMemory,
  type Head,
  type ModelConfig,
  parameterBytes,
  runtimeBytes,
  trainingMemory,
} from "@alignkit/models";
import type { WorkRequest } from "../alignkit/item.js";
import { modelConfig } from "../alignkit/models.js";

export interface MemoryNeeds {
  /** Bytes by what they hold. */
  readonly held: Readonly<Record<string, number>>;
  /** Why it is more than the peer's, and what would change that. */
  readonly why: string;
}

/** @returns null for a work that holds no model */
export function memoryNeeds(request: WorkRequest): MemoryNeeds | null {
  const needs = table[request.work];
  if (needs === undefined) return null;
  const { why, held } = needs(request, modelConfig(request.model, request.changes));
  return { why, held: { ...held, "Node.js and ONNX Runtime": runtimeBytes } };
}

const arena =
  "ONNX Runtime orders a step by itself, and its arena leaves gaps between tensors: activations take 1.4 times what is " +
  "alive at once. An order that the caller may fix, or a plan of its memory across free sizes, would change that.";
const inOtherForm =
  "Decoding many rows reads weights [out, in] as they lie and transposes GPT-2's, which are [in, out]; for few rows ONNX " +
  "Runtime packs all of them. Those that the caller gave stay beside them. PyTorch multiplies with one copy. Products of " +
  "few rows as fast on weights as they lie would change that.";

const floatBytes = 4;

const table: Readonly<Record<string, (request: WorkRequest, config: ModelConfig) => MemoryNeeds>> = {
  sft: ({ batch, length = 128, row, chats }, config) => {
    // Of chats no padding is computed: as many rows of their mean length.
    const mean = row === undefined || chats === undefined ? length : meanLength(chats, row);
    return {
      held: trainingMemory({ ...passOf(config, "language_model", batch, mean), accumulates: false }),
      why: arena,
    };
  },
  reward: ({ k = 4, prompt = 32, response = 48 }, config) => {
    const pass = { ...passOf(config, "scalar", k, prompt + response), targets: k };
    return { held: trainingMemory({ ...pass, accumulates: false }), why: arena };
  },
  score: ({ batch, length = 128 }, config) => ({
    held: {
      parameters: parameterBytes(config, "language_model"),
      activations: forwardMemory(passOf(config, "language_model", batch, length)),
    },
    why: arena,
  }),
  generate: ({ batch, prompt = 64, new: added = 64 }, config) => ({
    held: {
      parameters: parameterBytes(config, "language_model"),
      // Where rows end one by one, what few of them lose the many before them have won: they are not packed.
      "weights in another form": decodingWeightBytes(config, batch),
      "key-value cache": cacheBytes(config, batch, prompt + added),
    },
    why: inOtherForm,
  }),
  ppo: ({ episodes = 32, minibatches = 8, prompt = 32, response = 48, texts = false }, config) => {
    const rows = episodes / minibatches;
    const length = prompt + response;
    const policyPass = { ...passOf(config, "language_model", rows, length), targets: rows * response };
    const policy = trainingMemory({ ...policyPass, accumulates: false });
    const value = trainingMemory({ ...policyPass, head: "scalar", accumulates: false });
    const ofTexts = trainingMemory({ ...passOf(config, "language_model", rows, length), accumulates: false });
    return {
      held: {
        "parameters of four models": 2 * policy.parameters + 2 * value.parameters,
        "moments of two": policy.optimizer + value.optimizer,
        "gradients of one": policy.gradients + (texts ? ofTexts.gradients : 0),
        "activations of updates": policy.activations + value.activations + (texts ? ofTexts.activations : 0),
        "activations of scoring":
          forwardMemory(policyPass) + 2 * forwardMemory({ ...policyPass, head: "scalar" }),
      },
      why: `Updates are the worst moment; decoding takes turns with them. ${arena}`,
    };
  },
};

function meanLength(chats: NonNullable<WorkRequest["chats"]>, longest: number): number {
  const tokens = chats.reduce(
    (total, [prompt, completion]) => total + Math.min(longest, prompt + completion),
    0,
  );
  return Math.round(tokens / chats.length);
}

const passOf = (config: ModelConfig, head: Head, rows: number, length: number) => ({
  config,
  head,
  rows,
  length,
  targets: rows * (length - 1),
});

function cacheBytes({ layers, attention }: ModelConfig, rows: number, slots: number): number {
  return 2 * layers * attention.keyValueHeads * attention.headDimension * rows * slots * floatBytes;
}
