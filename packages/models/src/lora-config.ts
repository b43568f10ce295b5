/** What says which projections have a low-rank adapter, and of what size. */

/** A low-rank adapter beside frozen weights (Hu et al. 2021). */
export interface LoraConfig {
  /** R */
  readonly rank: number;
  readonly alpha: number;
  /** Scaling `alpha / sqrt(R)` in place of `alpha / R` (Kalajdzievski 2023). */
  readonly rankStabilized: boolean;
  /**
   * Which projections have an adapter, as peft's `target_modules`: ends of module names, a regular expression for whole
   * names, or `all-linear`.
   */
  readonly targets: readonly string[] | string;
  /** Directory of the frozen weights. */
  readonly base: string;
}

/** What `B A` is multiplied by. */
export const loraScaling = ({ rank, alpha, rankStabilized }: LoraConfig): number =>
  alpha / (rankStabilized ? Math.sqrt(rank) : rank);

/** Whether a module has an adapter. */
export function isLoraTarget(targets: LoraConfig["targets"], module: string): boolean {
  if (targets === "all-linear") return true;
  if (typeof targets === "string") return new RegExp(`^(?:${targets})$`).test(module);
  return targets.some((target) => endsWith(module, target));
}

/** Whether a module's name is `end`, or ends in it after a dot. */
export const endsWith = (module: string, target: string): boolean =>
  module === target || module.endsWith(`.${target}`);
