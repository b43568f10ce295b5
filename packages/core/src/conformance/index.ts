export { type ConformanceCase, defineCase, flags, type InputSpecification, real, whole } from "./case.js";
export { conformanceCases } from "./cases.js";
export { checkContract, contractNames } from "./contract.js";
export { mutantBackend } from "./mutant.js";
export { type ConformanceOptions, type ConformanceResult, checkCase, runConformance } from "./run.js";
