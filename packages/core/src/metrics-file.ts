import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { replaceFileSync } from "./durable-files.js";
import type { MetricsSink } from "./tracker.js";

/**
 * `metrics.jsonl`: one object per line, `{"stage":"sft","step":1,"loss":2.3}`; numbers that JSON lacks (NaN) are null.
 *
 * Each line is handed to the system when it is logged, so that a killed process loses none; it is not forced to the disk.
 * A last line that a power failure cut short is removed when the file is opened.
 */
export function createMetricsFile(path: string): MetricsSink {
  removePartialLine(path);
  let file = openSync(path, "a");
  return {
    write({ stage, step, metrics }) {
      for (const reserved of ["stage", "step"]) {
        if (reserved in metrics)
          throw new RangeError(`metrics of ${stage} at step ${step}: "${reserved}" is reserved`);
      }
      writeSync(file, `${JSON.stringify({ stage, step, ...metrics })}\n`);
    },
    rewind(stage, step) {
      const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
      const kept = lines.filter((line) => {
        const record = JSON.parse(line) as { readonly stage: string; readonly step: number };
        return record.stage !== stage || record.step <= step;
      });
      if (kept.length === lines.length) return;
      closeSync(file);
      replaceFileSync(path, kept.map((line) => `${line}\n`).join(""));
      file = openSync(path, "a");
    },
    close() {
      closeSync(file);
    },
  };
}

function removePartialLine(path: string): void {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole.length < text.length) replaceFileSync(path, whole);
}
