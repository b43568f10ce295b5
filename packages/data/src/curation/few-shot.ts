/** Several demonstrations of one instruction, each with other examples in front. */
import type { Random } from "@alignkit/core";

/** A query to an instruction, and its answer. */
export interface Instance {
  /** May be empty, where the instruction says all. */
  readonly input: string;
  readonly output: string;
}

/** An instruction with several inputs and outputs of it. */
export interface InstructionWithInstances {
  readonly instruction: string;
  readonly instances: readonly Instance[];
}

/** How demonstrations are made of instructions. */
export interface FewShotOptions {
  /** Demonstrations of each instruction; fewer where its instances do not make so many different ones. */
  readonly copies: number;
  /** Examples in front of a query, from `minimumShots` to `maximumShots`; never the query itself. */
  readonly minimumShots: number;
  readonly maximumShots: number;
  readonly random: Random;
}

/** A query behind worked examples of the same instruction. */
export interface FewShotDemonstration {
  readonly prompt: string;
  readonly completion: string;
}

/**
 * Demonstrations of an instruction that differ in the query or in the set of examples in front of it:
 *
 * ```text
 * <instruction>
 *
 * Input: <input>
 * Output: <output>
 *
 * Input: <query>
 * Output:
 * ```
 *
 * An empty input leaves its line out. Without examples, and with an empty query, the prompt is the instruction and
 * `Output:`.
 * @see Ouyang et al. 2022, appendix A.3: "we synthetically constructed multiple SFT datapoints from the same instruction
 * by sampling different sets of few-shot examples"; how many, and how they are written, is not said
 */
export function fewShotDemonstrations(
  { instruction, instances }: InstructionWithInstances,
  { copies, minimumShots, maximumShots, random }: FewShotOptions,
): readonly FewShotDemonstration[] {
  const most = Math.min(maximumShots, instances.length - 1);
  const least = Math.min(minimumShots, most);
  if (most < 0) return [];
  const wanted = Math.min(copies, countDistinct(instances.length, least, most));
  const seen = new Set<string>();
  const demonstrations: FewShotDemonstration[] = [];
  while (demonstrations.length < wanted) {
    const shots = least + random.integer(most - least + 1);
    const [query, ...examples] = random.permutation(instances.length).slice(0, shots + 1);
    const key = `${query}:${[...examples].sort((a, b) => a - b)}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const shown = examples.map((example) => written(instances[example] as Instance));
    const { input, output } = instances[query as number] as Instance;
    demonstrations.push({
      prompt: [instruction, ...shown, `${inputLine(input)}Output:`].join("\n\n"),
      completion: ` ${output}`,
    });
  }
  return demonstrations;
}

const inputLine = (input: string) => (input === "" ? "" : `Input: ${input}\n`);
const written = ({ input, output }: Instance) => `${inputLine(input)}Output: ${output}`;

/** Queries times sets of `least` to `most` others; at least their sum, at most 2^53. */
function countDistinct(instances: number, least: number, most: number): number {
  let sets = 0;
  let binomial = 1;
  for (let size = 0; size <= most; size++) {
    if (size > 0) binomial = (binomial * (instances - size)) / size;
    if (size >= least) sets += binomial;
  }
  return instances * sets;
}
