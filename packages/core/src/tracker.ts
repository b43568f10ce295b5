/** Metrics by name; names are paths kept from the papers: `objective/kl`. */
export type Metrics = Readonly<Record<string, number>>;

/** Where a stage puts its numbers. */
export interface Tracker {
  /**
   * Log a step before saving its checkpoint: on resume the lines after the checkpoint's step are written anew.
   * @param step - counts from 1 after the first optimizer step
   */
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
  /** @param outcome - of the run; `failed` also when it was stopped and can be resumed */
  close(outcome?: RunOutcome): void | Promise<void>;
}

/** How a run ended, for places that show it. */
export type RunOutcome = "finished" | "failed";

/**
 * A stage's view of the sinks. Before its first line it has them forget what an earlier, killed attempt wrote after the
 * step that the stage resumes from.
 * @param resumedFrom - asked once, at the first line; `undefined` when the stage starts from the beginning
 */
export function createTracker(
  stage: string,
  sinks: readonly MetricsSink[],
  resumedFrom: () => number | undefined = () => undefined,
): Tracker {
  let rewound = false;
  return {
    log(step, metrics) {
      if (!rewound) {
        for (const sink of sinks) sink.rewind?.(stage, resumedFrom() ?? Number.NEGATIVE_INFINITY);
        rewound = true;
      }
      for (const sink of sinks) sink.write({ stage, step, metrics });
    },
  };
}

/** The sink under other names. @param nameOf - the name in the sink; the stage is the one of the pipeline */
export function renameMetrics(
  sink: MetricsSink,
  nameOf: (stage: string, metric: string) => string,
): MetricsSink {
  return {
    ...sink,
    write({ stage, step, metrics }) {
      const renamed = Object.entries(metrics).map(([name, value]) => [nameOf(stage, name), value]);
      sink.write({ stage, step, metrics: Object.fromEntries(renamed) });
    },
  };
}

/** Keeps nothing. */
export const silentTracker: Tracker = { log() {} };
