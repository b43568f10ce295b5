export {
  AlignkitError,
  type AlignkitErrorOptions,
  BackendError,
  CheckpointError,
  ConfigError,
  DataError,
  InterruptedError,
  isAlignkitError,
  ShapeMismatchError,
  WiringError,
} from "./errors.js";
