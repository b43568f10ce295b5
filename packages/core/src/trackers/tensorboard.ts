/** Metrics as TensorBoard's event files: one of its runs, a folder, per stage. */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { replaceFileSync } from "../durable-files.js";
import type { MetricsSink } from "../index.js";
import { frame, readRecords, restartEvent, summaryEvent, versionEvent } from "./event-file.js";

/** Where event files go. */
export interface TensorBoardOptions {
  /** What `tensorboard --logdir` is given; made at the first metric. */
  readonly directory: string;
  /** Milliseconds since 1970, for the times of events. */
  readonly wallTime: () => number;
}

const filePattern = /^events\.out\.tfevents\.(\d{10})\.alignkit$/;
const fileName = (sequence: number) => `events.out.tfevents.${String(sequence).padStart(10, "0")}.alignkit`;

interface StageFile {
  readonly directory: string;
  readonly sequence: number;
  readonly descriptor: number;
}

/**
 * Each event is handed to the system when it is logged, so that a killed process loses none; one that a power failure
 * cut short is removed when the file is opened again.
 *
 * A stage that resumes begins a new file with the events that stay: a TensorBoard that runs meanwhile reads it and forgets
 * the others, and whoever opens the folder later finds nothing twice.
 */
export function createTensorBoard({ directory: root, wallTime }: TensorBoardOptions): MetricsSink {
  const files = new Map<string, StageFile>();
  const seconds = () => wallTime() / 1000;

  const open = (stage: string): StageFile => {
    const directory = join(root, stage);
    mkdirSync(directory, { recursive: true });
    const sequence = newest(directory) ?? 0;
    removePartialTail(join(directory, fileName(sequence)));
    return append(directory, sequence);
  };
  const append = (directory: string, sequence: number): StageFile => {
    const descriptor = openSync(join(directory, fileName(sequence)), "a+");
    if (readFileSync(descriptor).length === 0) writeSync(descriptor, frame(versionEvent(seconds())));
    return { directory, sequence, descriptor };
  };
  const fileOf = (stage: string): StageFile => {
    const file = files.get(stage) ?? open(stage);
    files.set(stage, file);
    return file;
  };

  return {
    write({ stage, step, metrics }) {
      writeSync(fileOf(stage).descriptor, frame(summaryEvent(seconds(), step, metrics)));
    },
    rewind(stage, step) {
      const { directory, sequence, descriptor } = fileOf(stage);
      const [, ...events] = readRecords(readFileSync(join(directory, fileName(sequence))));
      const kept = events.filter((event) => event.step <= step);
      if (kept.length === events.length) return;
      closeSync(descriptor);
      const start = [versionEvent(seconds()), restartEvent(seconds(), 0)].map(frame);
      // The new one is whole before the old one goes.
      replaceFileSync(
        join(directory, fileName(sequence + 1)),
        Buffer.concat([...start, ...kept.map(({ bytes }) => bytes)]),
      );
      unlinkSync(join(directory, fileName(sequence)));
      files.set(stage, append(directory, sequence + 1));
    },
    close() {
      for (const { descriptor } of files.values()) closeSync(descriptor);
      files.clear();
    },
  };
}

/** The number of the newest file; older ones, which a kill between two steps of a rewind left, are removed. */
function newest(directory: string): number | undefined {
  const numbers = readdirSync(directory)
    .flatMap((name) => filePattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => b - a);
  for (const number of numbers.slice(1)) unlinkSync(join(directory, fileName(number)));
  return numbers[0];
}

function removePartialTail(path: string): void {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const whole = readRecords(file).reduce((length, { bytes }) => length + bytes.length, 0);
  if (whole < file.length) truncateSync(path, whole);
}
