/**
 * A stage as the command line runs it, held after each update until the next is asked for: its checkpoint store saves
 * nothing, but waits.
 */
import {
  type Backend,
  type CheckpointStore,
  createRandom,
  InterruptedError,
  type Metrics,
  type StageContext,
  silentLogger,
  silentProgress,
} from "@alignkit/core";

export interface SteppedStage {
  /** Lets the stage do so many updates. @returns the metrics of the last */
  advance(updates: number): Promise<Metrics>;
  /** Ends the stage as an interrupt does. */
  dispose(): Promise<void>;
}

/**
 * @param run - the stage's own, with `save_steps` and `logging_steps` 1 in its config; no artifact is written before its
 *   last step, which should never come
 * @returns when the first update is done, so that the stage has read its files
 */
export async function startStage(
  backend: Backend,
  folder: string,
  run: (context: StageContext) => Promise<unknown>,
): Promise<SteppedStage> {
  const interrupt = new AbortController();
  let metrics: Metrics = {};
  let arrive: (() => void) | undefined;
  let fail: ((reason: unknown) => void) | undefined;
  let goOn = (): void => {};
  const arrival = () =>
    new Promise<void>((resolve, reject) => {
      arrive = resolve;
      fail = reject;
    });
  const checkpoints: CheckpointStore = {
    async save() {
      if (interrupt.signal.aborted) return;
      const permission = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      arrive?.();
      await permission;
    },
    latest: async () => undefined,
  };
  const context: StageContext = {
    name: "bench",
    backend,
    random: createRandom(0).split("bench"),
    tracker: {
      log(_, given) {
        metrics = given;
      },
    },
    logger: silentLogger,
    progress: silentProgress,
    checkpoints,
    signal: interrupt.signal,
    now: () => performance.now(),
    directory: folder,
    artifactDirectory: () => folder,
    resolvePath: (path) => path,
  };
  const first = arrival();
  const ended = run(context).then(
    () => fail?.(new Error("the stage came to its end")),
    (reason: unknown) => {
      fail?.(reason);
      if (!(reason instanceof InterruptedError)) throw reason;
    },
  );
  // Who waits for the next update is told; nobody else needs to know.
  ended.catch(() => {});
  await first;
  return {
    async advance(updates) {
      for (let done = 0; done < updates; done++) {
        const next = arrival();
        goOn();
        await next;
      }
      return metrics;
    },
    async dispose() {
      interrupt.abort();
      fail = undefined;
      goOn();
      await ended;
    },
  };
}
