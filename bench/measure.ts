/** Runs the contestants of a comparison in turn: ours, a peer, ours, a peer ... */
import { setTimeout as sleep } from "node:timers/promises";
import type { Comparison, Contestant } from "./comparisons.js";
import { type Measurement, startWorker, type WorkerProcess, type WorkerSettings } from "./worker-process.js";

export interface ContestantResult {
  readonly contestant: Contestant;
  /** One per round; fewer when it failed. */
  readonly measurements: readonly Measurement[];
  /** Why it stopped, if it did. */
  readonly failure?: string;
}

export interface Effort {
  readonly rounds: number;
  /** No round begins after so many milliseconds, the first excepted. */
  readonly milliseconds: number;
}

/** Threads of the one that ran before spin for a moment, waiting for work; they must not spin in the next one's time. */
const pauseMilliseconds = 250;

/** Steps come one after the other where they are of use; the first after a pause finds caches and threads cold. */
const turnSeconds = 1;

/**
 * Each contestant has a process of its own, so that memory is its own, and is warmed up before the first round.
 * @param note - told what is going on
 */
export async function runComparison(
  comparison: Comparison,
  settings: WorkerSettings,
  { rounds, milliseconds }: Effort,
  note: (text: string) => void,
): Promise<readonly ContestantResult[]> {
  const started = performance.now();
  const entrants = comparison.contestants.map((contestant) => ({
    contestant,
    request: { ...contestant.request, model: comparison.model, ...comparison.sizes, turn: turnSeconds },
    measurements: [] as Measurement[],
    failure: undefined as string | undefined,
    worker: undefined as WorkerProcess | undefined,
  }));
  const run = async (entrant: (typeof entrants)[number], keep: boolean): Promise<void> => {
    if (entrant.failure !== undefined) return;
    await sleep(pauseMilliseconds);
    try {
      entrant.worker ??= await startWorker(entrant.contestant.side, {
        ...settings,
        backend: entrant.contestant.backend ?? settings.backend,
      });
      // Results are for comparing, not for keeping.
      const { first: _, ...measurement } = await entrant.worker.ask(entrant.request);
      if (keep) entrant.measurements.push(measurement);
    } catch (error) {
      entrant.failure = (error as Error).message;
      note(`${entrant.contestant.name} failed: ${entrant.failure}`);
    }
  };

  try {
    // The first answer comes after making and warming up; its own time is dropped as well.
    for (const entrant of entrants) {
      note(`${entrant.contestant.name}: warming up`);
      await run(entrant, false);
    }
    for (let round = 1; round <= rounds; round++) {
      if (round > 1 && performance.now() - started > milliseconds) {
        note(`time is up after ${round - 1} of ${rounds} rounds`);
        break;
      }
      for (const entrant of entrants) await run(entrant, true);
      const times = entrants.map(
        ({ contestant, measurements }) =>
          `${contestant.name} ${measurements[round - 1]?.ms.toFixed(0) ?? "-"}`,
      );
      note(`round ${round} of ${rounds}, ms: ${times.join("; ")}`);
    }
  } finally {
    await Promise.all(entrants.map(({ worker }) => worker?.close()));
  }
  return entrants.map(({ contestant, measurements, failure }) =>
    failure === undefined ? { contestant, measurements } : { contestant, measurements, failure },
  );
}
