import type { ConformanceCase } from "./case.js";
import { compositeCases } from "./cases/composites.js";
import { elementwiseCases } from "./cases/elementwise.js";
import { graphCases } from "./cases/graphs.js";
import { indexCases } from "./cases/indexing.js";
import { movementCases } from "./cases/movement.js";
import { productCases } from "./cases/products.js";
import { reductionCases } from "./cases/reductions.js";

/**
 * Every op with every shape of use that has gone wrong somewhere. Sizes are small and unequal, so that exchanged axes
 * fail.
 */
export const conformanceCases: readonly ConformanceCase[] = [
  ...elementwiseCases,
  ...reductionCases,
  ...movementCases,
  ...productCases,
  ...indexCases,
  ...compositeCases,
  ...graphCases,
];
