/** Whether the data of every stage are there: a misspelt path is told before the hours of the stages ahead of it. */
import { existsSync } from "node:fs";
import { resolve, sep } from "node:path";
import { DataError, type WiredPipeline, type WiringOptions } from "@alignkit/core";

export interface FilesPlace extends WiringOptions {
  /** What lies in here may be made by an earlier stage. */
  readonly runDirectory: string;
}

/** @throws {DataError} naming every file of `train_files` and other lists of files that is not there */
export function checkFiles({ stages }: WiredPipeline, place: FilesPlace): void {
  const { baseDirectory, runDirectory, placeOf } = place;
  const problems = stages.flatMap(({ name, config }, stage) =>
    Object.entries((config ?? {}) as object)
      .filter(([key, value]) => /(^|_)files$/.test(key) && Array.isArray(value))
      .flatMap(([key, files]) =>
        (files as unknown[])
          .filter((file) => typeof file === "string")
          .map((file) => resolve(baseDirectory, file))
          .filter((file) => !file.startsWith(runDirectory + sep) && !existsSync(file))
          .map((file) => {
            const line = placeOf?.(stage, [key]);
            return `${line === undefined ? "" : `${line}: `}${name}.config.${key}: ${file}: no such file`;
          }),
      ),
  );
  if (problems.length > 0) throw new DataError(problems.join("\n"), { details: { problems } });
}
