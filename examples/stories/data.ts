/** The files that the stages read, written as a user would write them. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "@alignkit/core";
import { makeRankings, type PolaritySplit, type Ranking, readPolarity, splitPolarity } from "./polarity.js";
import { openingsOf, type StorySplit, splitHeldOut, splitStories } from "./stories.js";

export interface Inputs {
  /** Model directory. */
  readonly model: string;
  /** Text file of stories. */
  readonly stories: string;
  /** Directory with `rt-polarity.pos` and `rt-polarity.neg`. */
  readonly polarity: string;
}

export interface Data {
  readonly stories: StorySplit;
  readonly polarity: PolaritySplit;
  readonly heldOutRankings: readonly Ranking[];
  readonly files: {
    /** `{prompt, completion}`: an opening and the rest of its story. */
    readonly demonstrations: string;
    /** The same of held-out stories. */
    readonly heldOutDemonstrations: string;
    readonly rankings: string;
    readonly heldOutRankings: string;
    /** Openings and the 120 characters that follow: they score 0 on average. */
    readonly normalization: string;
    /** `{prompt}`: openings of the stories that SFT learns. */
    readonly prompts: string;
    /** `{text}`: the stories that SFT learns, for PPO-ptx. */
    readonly texts: string;
  };
}

/** @param rankingEpochs - times that the sentences are grouped anew; each grouping is seen once */
export async function prepareData(
  inputs: Inputs,
  directory: string,
  random: Random,
  rankingEpochs: number,
): Promise<Data> {
  const stories = splitHeldOut(
    splitStories(await readFile(inputs.stories, "utf8")),
    random.split("held-out stories"),
  );
  const polarity = splitPolarity(await readPolarity(inputs.polarity), random.split("halves"));
  const heldOutRankings = makeRankings(polarity.rewardHeldOut, random.split("held-out rankings"));
  const rankings = Array.from({ length: rankingEpochs }, (_, epoch) =>
    makeRankings(polarity.rewardTrain, random.split("rankings").split(`${epoch}`)),
  ).flat();
  const demonstrations = (of: readonly string[]) =>
    of.flatMap((story) =>
      openingsOf(story)
        .slice(0, 1)
        .map((prompt) => ({ prompt, completion: story.slice(prompt.length) })),
    );
  const openings = stories.train.flatMap(openingsOf);
  await mkdir(directory, { recursive: true });
  const write = async (name: string, rows: readonly object[]) => {
    const path = join(directory, name);
    await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    return path;
  };
  return {
    stories,
    polarity,
    heldOutRankings,
    files: {
      demonstrations: await write("demonstrations.jsonl", demonstrations(stories.train)),
      heldOutDemonstrations: await write("held-out-demonstrations.jsonl", demonstrations(stories.heldOut)),
      rankings: await write("rankings.jsonl", rankings),
      heldOutRankings: await write("held-out-rankings.jsonl", heldOutRankings),
      normalization: await write(
        "normalization.jsonl",
        demonstrations(stories.train).map(({ prompt, completion }) => ({
          prompt,
          completion: completion.slice(0, 120),
        })),
      ),
      prompts: await write(
        "prompts.jsonl",
        openings.map((prompt) => ({ prompt })),
      ),
      texts: await write(
        "texts.jsonl",
        stories.train.map((text) => ({ text })),
      ),
    },
  };
}
