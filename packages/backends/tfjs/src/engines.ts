/** Engines of TensorFlow.js: what each is called there, and the packages that bring it. */

export interface EngineSettings {
  /** Loaded in this order; the first one has the operations. */
  readonly packages: readonly string[];
  /** Its name in the registry of tfjs. */
  readonly registeredAs: string;
  /** What it needs of the machine besides its packages, for when it does not start. */
  readonly needs: string;
  /**
   * Whether little more than products of two matrices as they lie is fast: WebAssembly takes 10 to 400 times as long
   * for transposed operands, for many matrices at once and for repeating values.
   */
  readonly plainOnly: boolean;
  /** Whether it must compute on a GPU. */
  readonly gpu: boolean;
}

const core = "@tensorflow/tfjs-core";
const addon =
  "its native addon and libtensorflow, which its install script downloads: allow install scripts for it, then run `npm rebuild";

export const engines = {
  node: {
    packages: ["@tensorflow/tfjs-node"],
    registeredAs: "tensorflow",
    needs: `${addon} @tensorflow/tfjs-node\``,
    plainOnly: false,
    gpu: false,
  },
  "node-gpu": {
    packages: ["@tensorflow/tfjs-node-gpu"],
    registeredAs: "tensorflow",
    needs: `${addon} @tensorflow/tfjs-node-gpu\`; and an NVIDIA driver with the CUDA and cuDNN libraries of that TensorFlow`,
    plainOnly: false,
    gpu: true,
  },
  wasm: {
    packages: [core, "@tensorflow/tfjs-backend-wasm"],
    registeredAs: "wasm",
    needs: "WebAssembly",
    plainOnly: true,
    gpu: false,
  },
  webgpu: {
    packages: [core, "@tensorflow/tfjs-backend-webgpu"],
    registeredAs: "webgpu",
    needs: "WebGPU in this process (navigator.gpu), which Node does not have",
    plainOnly: false,
    gpu: true,
  },
  cpu: {
    packages: [core, "@tensorflow/tfjs-backend-cpu"],
    registeredAs: "cpu",
    needs: "nothing",
    plainOnly: false,
    gpu: false,
  },
} as const satisfies Readonly<Record<string, EngineSettings>>;

/** As after the colon: `tfjs:wasm`. */
export type EngineName = keyof typeof engines;

export const engineNames = Object.keys(engines) as readonly EngineName[];
