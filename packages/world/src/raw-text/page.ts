import type { World } from "../facts.js";
import type { RandomSource } from "../random-source.js";

/** Writes one document of raw text. */
export type Page = (random: RandomSource, world: World) => string;
