export { type ConformanceCase, defineCase, flags, type InputSpecification, real, whole } from "./case.js";
export { conformanceCases } from "./cases.js";
export { mutantBackend } from "./mutant.js";
export {
  type ConformanceCheck,
  type ConformanceOptions,
  type ConformanceResult,
  checkCase,
  conformanceChecks,
  runConformance,
} from "./run.js";
