import { InterruptedError } from "./errors.js";

/**
 * Ends a stage between two steps when its signal has fired: saves, then throws.
 * @param save - writes a checkpoint of `step`
 * @throws {InterruptedError} when the signal has fired
 */
export async function stopIfInterrupted(
  signal: AbortSignal,
  step: number,
  save: () => Promise<void>,
): Promise<void> {
  if (!signal.aborted) return;
  await save();
  throw new InterruptedError(
    `interrupted after step ${step}; its state is saved and the run can be resumed`,
    {
      details: { step },
      cause: signal.reason,
    },
  );
}

/**
 * Whether a checkpoint is due after `step`, which counts from 1.
 * @param every - steps between checkpoints; 0 saves only when interrupted
 */
export function shouldCheckpoint(step: number, every: number): boolean {
  return every > 0 && step % every === 0;
}
