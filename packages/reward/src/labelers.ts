/** Accuracy by who ranked, and labelers held out (Ouyang et al. 2022, section 4.1: five folds over labelers). */
import { ConfigError } from "@alignkit/core";
import { dataErrorAt, eachRecord, type Ranking } from "@alignkit/data";
import type { Examples } from "./examples.js";

/** Who ranked, undefined where no column says so. @throws {DataError} when the row does not say */
export function labelerOf({ row, origin }: Ranking, column: string | null): string | undefined {
  if (column === null) return undefined;
  const { [column]: labeler } = row;
  if (typeof labeler === "string" || typeof labeler === "number") return `${labeler}`;
  throw dataErrorAt(
    origin,
    `"${column}" is ${JSON.stringify(labeler) ?? "missing"}; give who ranked, or no labeler_column`,
  );
}

/**
 * Takes the rankings of one group of labelers out of training and adds them to the evaluation, whose groups are then
 * `training_labelers` and `held_out_labelers`.
 *
 * Labelers, in the order of their names, are dealt out to the folds in turn, so that the runs of all folds together hold
 * out each labeler once.
 * @throws {ConfigError} when there are fewer labelers than folds, or no such fold
 */
export function holdOutLabelers(
  { train, evaluation }: Pick<Examples, "evaluation" | "train">,
  { folds, fold }: { readonly folds: number; readonly fold: number },
): Pick<Examples, "evaluation" | "train"> {
  const groups = Array.from(eachRecord(train), ({ group }) => group);
  const labelers = [...new Set(groups)].sort();
  if (fold >= folds) throw new ConfigError(`fold is ${fold}; of ${folds} folds the last is ${folds - 1}`);
  if (labelers.length < folds) {
    throw new ConfigError(
      `labeler_folds is ${folds}, but the training rankings have ${labelers.length} labelers; give fewer folds`,
    );
  }
  const heldOut = new Set(labelers.filter((_, index) => index % folds === fold));
  const known = new Set(labelers.filter((labeler) => !heldOut.has(labeler)));
  const [learned, kept]: [number[], number[]] = [[], []];
  for (const [index, group] of groups.entries()) (known.has(group) ? learned : kept).push(index);
  return {
    train: { length: learned.length, at: (index) => train.at(learned[index] ?? train.length) },
    evaluation: {
      length: evaluation.length + kept.length,
      at(index) {
        const example =
          index < evaluation.length
            ? evaluation.at(index)
            : train.at(kept[index - evaluation.length] ?? train.length);
        if (example === undefined) return undefined;
        const group = known.has(example.group) ? "training_labelers" : "held_out_labelers";
        return { ...example, group };
      },
    },
  };
}
