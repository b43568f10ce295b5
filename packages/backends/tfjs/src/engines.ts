/** Engines of TensorFlow.js: what each is called there, and the packages that bring it. */

export interface EngineSettings {
  /** Loaded in this order; the first one has the operations. */
  readonly packages: readonly string[];
  /** Its name in the registry of tfjs. */
  readonly registeredAs: string;
  /** What it needs of the machine besides its packages, for when it does not start. */
  readonly needs: string;
  /** Whether a product reads a transposed operand as fast as a copy of it; WebAssembly takes 10 to 40 times as long. */
  readonly transposesInProducts: boolean;
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
    transposesInProducts: true,
    gpu: false,
  },
  "node-gpu": {
    packages: ["@tensorflow/tfjs-node-gpu"],
    registeredAs: "tensorflow",
    needs: `${addon} @tensorflow/tfjs-node-gpu\`; and an NVIDIA driver with the CUDA and cuDNN libraries of that TensorFlow`,
    transposesInProducts: true,
    gpu: true,
  },
  wasm: {
    packages: [core, "@tensorflow/tfjs-backend-wasm"],
    registeredAs: "wasm",
    needs: "WebAssembly",
    transposesInProducts: false,
    gpu: false,
  },
  webgpu: {
    packages: [core, "@tensorflow/tfjs-backend-webgpu"],
    registeredAs: "webgpu",
    needs: "WebGPU in this process (navigator.gpu), which Node does not have",
    transposesInProducts: true,
    gpu: true,
  },
  cpu: {
    packages: [core, "@tensorflow/tfjs-backend-cpu"],
    registeredAs: "cpu",
    needs: "nothing",
    transposesInProducts: true,
    gpu: false,
  },
} as const satisfies Readonly<Record<string, EngineSettings>>;

/** As after the colon: `tfjs:wasm`. */
export type EngineName = keyof typeof engines;

export const engineNames = Object.keys(engines) as readonly EngineName[];
