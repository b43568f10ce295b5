/** Metrics by name; names are paths kept from the papers: `objective/kl`. */
export type Metrics = Readonly<Record<string, number>>;

/** Where a stage puts its numbers. */
export interface Tracker {
  /** @param step - counts from 1 after the first optimizer step; each step once */
  log(step: number, metrics: Metrics): void;
}

/** One line of `metrics.jsonl`, before it is flattened. */
export interface MetricsRecord {
  readonly stage: string;
  readonly step: number;
  readonly metrics: Metrics;
}

/** A place that keeps the numbers of a whole run: a file, TensorBoard, a web service. */
export interface MetricsSink {
  write(record: MetricsRecord): void;
  /** Forgets what `stage` wrote after `step`: it resumes there and will write those steps again. */
  rewind?(stage: string, step: number): void;
  close(): void | Promise<void>;
}

/** A stage's view of the sinks. */
export function createTracker(stage: string, sinks: readonly MetricsSink[]): Tracker {
  return {
    log(step, metrics) {
      for (const sink of sinks) sink.write({ stage, step, metrics });
    },
  };
}

/** Keeps nothing. */
export const silentTracker: Tracker = { log() {} };
