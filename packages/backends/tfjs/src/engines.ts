/** Engines of TensorFlow.js: what each is called there, and the packages that bring it. */

export interface EngineSettings {
  /** The first one has the operations, the last one is the engine. */
  readonly packages: readonly string[];
  /** Its name in the registry of tfjs. */
  readonly registeredAs: string;
  /** What it needs of the machine besides its packages, for when it does not start. */
  readonly needs: string;
  /**
   * Whether little more than products of two matrices as they lie is fast: WebAssembly takes 10 to 400 times as long
   * for transposed operands, for many matrices at once and for repeating values. Products are our own there.
   */
  readonly plainOnly: boolean;
  /** Whether it must compute on a GPU. */
  readonly gpu: boolean;
  /** What it computes on, in words. */
  readonly device: string;
  /** How many threads compute, where nobody chooses. */
  readonly threads?: number;
  /** Whether graphs are compiled to sessions of TensorFlow instead of being run op by op. */
  readonly compiles: boolean;
  /** Variables of the environment that it reads when it is loaded. */
  readonly environment: Readonly<Record<string, string>>;
}

const core = "@tensorflow/tfjs-core";
const addon =
  "its native addon and libtensorflow, which its install script downloads: allow install scripts for it, then run `npm rebuild";

/** Its notes on the machine, of which it prints a page, are left out. */
const quiet = { TF_CPP_MIN_LOG_LEVEL: "2" };

export const engines = {
  node: {
    packages: ["@tensorflow/tfjs-node"],
    registeredAs: "tensorflow",
    needs: `${addon} @tensorflow/tfjs-node\``,
    plainOnly: false,
    gpu: false,
    device: "CPU",
    compiles: true,
    // Keeps freed memory. Else pages are mapped and unmapped for each large value, up to a fifth of a step.
    // Operators of oneDNN, which it turns on where the processor has AVX512-VNNI, take 2 to 4 times as long.
    environment: { ...quiet, TF_CPU_ALLOCATOR_USE_BFC: "true", TF_ENABLE_ONEDNN_OPTS: "0" },
  },
  "node-gpu": {
    packages: ["@tensorflow/tfjs-node-gpu"],
    registeredAs: "tensorflow",
    needs: `${addon} @tensorflow/tfjs-node-gpu\`; and an NVIDIA driver with the CUDA and cuDNN libraries of that TensorFlow`,
    plainOnly: false,
    gpu: true,
    device: "CUDA",
    compiles: true,
    // Else it takes all memory of the card at once.
    environment: { ...quiet, TF_FORCE_GPU_ALLOW_GROWTH: "true" },
  },
  wasm: {
    packages: [core, "@tensorflow/tfjs-backend-wasm"],
    registeredAs: "wasm",
    needs: "WebAssembly",
    plainOnly: true,
    gpu: false,
    device: "WebAssembly",
    compiles: false,
    environment: {},
  },
  webgpu: {
    packages: [core, "@tensorflow/tfjs-backend-webgpu"],
    registeredAs: "webgpu",
    needs:
      "WebGPU (navigator.gpu), which Node has with the package webgpu (`npm install webgpu`) and a driver for Vulkan, Direct3D 12 or Metal; Mesa 25 or later has one in software",
    plainOnly: false,
    gpu: true,
    device: "WebGPU",
    compiles: false,
    environment: {},
  },
  cpu: {
    packages: [core, "@tensorflow/tfjs-backend-cpu"],
    registeredAs: "cpu",
    needs: "nothing",
    plainOnly: false,
    gpu: false,
    device: "JavaScript",
    threads: 1,
    compiles: false,
    environment: {},
  },
} as const satisfies Readonly<Record<string, EngineSettings>>;

/** As after the colon: `tfjs:wasm`. */
export type EngineName = keyof typeof engines;

/** Every engine, whether or not it is installed. */
export const engineNames = Object.keys(engines) as readonly EngineName[];
