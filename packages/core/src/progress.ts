/** Milliseconds that only go up; the origin does not matter. `performance.now` is one. */
export type Clock = () => number;

/** Shows how far work has come. */
export interface Progress {
  /**
   * @param total - units of work from the very beginning, those done before a resume included
   * @param unit - plural noun: `steps`, `tokens`, `rows`
   * @param label - what is being done: `sft`, `rollout`
   * @param initial - units done already, 0 by default
   */
  start(total: number, unit: string, label: string, initial?: number): ProgressTask;
}

/** One piece of work under way. */
export interface ProgressTask {
  /** @param note - shown beside the bar until the next one: `loss 2.31` */
  advance(count: number, note?: string): void;
  done(): void;
}

/** Shows nothing. */
export const silentProgress: Progress = { start: () => ({ advance() {}, done() {} }) };

/** What {@link createRateEstimator} knows after the work reported so far. */
export interface RateEstimate {
  readonly completed: number;
  readonly total: number;
  /** Units per second; `undefined` until time has passed. */
  readonly rate: number | undefined;
  /** Seconds; `undefined` until the rate is known. */
  readonly remaining: number | undefined;
}

/** How fast units are done, and when all will be. */
export interface RateEstimator {
  advance(count: number): RateEstimate;
  estimate(): RateEstimate;
}

/**
 * Rate and time left over the last `window` milliseconds, so that a slow first step (compiling) does not spoil the forecast.
 * Units that were done before `start` count as completed but not towards the rate.
 */
export function createRateEstimator(options: {
  readonly total: number;
  readonly initial?: number;
  readonly now: Clock;
  readonly window?: number;
}): RateEstimator {
  const { total, initial = 0, now, window = 60_000 } = options;
  let completed = initial;
  /** Reports in the window, and the last one before it, which is the base of the rate. */
  const reports = [{ time: now(), completed }];
  const estimate = (): RateEstimate => {
    const base = reports[0] as (typeof reports)[number];
    const last = reports[reports.length - 1] as (typeof reports)[number];
    const seconds = (last.time - base.time) / 1000;
    const done = last.completed - base.completed;
    if (seconds <= 0 || done <= 0) return { completed, total, rate: undefined, remaining: undefined };
    const rate = done / seconds;
    return { completed, total, rate, remaining: Math.max(0, total - completed) / rate };
  };
  return {
    advance(count) {
      completed += count;
      const time = now();
      reports.push({ time, completed });
      while (reports.length > 2 && (reports[1] as (typeof reports)[number]).time <= time - window)
        reports.shift();
      return estimate();
    },
    estimate,
  };
}
