/**
 * Learning-rate schedules under the names of transformers' `lr_scheduler_type`.
 *
 * Steps count from 0: the first update of a schedule with warm-up has rate 0, as there.
 * Departure: past the last step the rate stays where it ended; transformers lets the cosine rise again.
 */
export interface Schedule {
  readonly type: ScheduleType;
  /** The rate after warm-up. */
  readonly peak: number;
  /** Updates in all, warm-up included. */
  readonly steps: number;
  /** Updates of linear warm-up, 0 by default; `constant` has none. */
  readonly warmupSteps?: number;
  /** Rate of step 0 relative to the peak, 0 by default. */
  readonly warmupStartRatio?: number;
  /** Where `cosine_with_min_lr` ends, relative to the peak; 0.1 by default (Ouyang et al. 2022, appendix C). */
  readonly minimumRatio?: number;
}

/** How the rate falls after the warm-up. */
export type ScheduleType = keyof typeof decays;

/** The rate relative to the peak, as `progress` goes from 0 at the end of warm-up to 1. */
const decays = {
  constant: () => 1,
  constant_with_warmup: () => 1,
  linear: (progress) => 1 - progress,
  cosine: (progress) => halfCosine(progress),
  cosine_with_min_lr: (progress, minimum) => minimum + (1 - minimum) * halfCosine(progress),
} satisfies Record<string, (progress: number, minimum: number) => number>;

/** For config schemas: `z.enum(scheduleTypes)`. */
export const scheduleTypes = Object.keys(decays) as readonly ScheduleType[] as readonly [
  ScheduleType,
  ...ScheduleType[],
];

function halfCosine(progress: number): number {
  return (1 + Math.cos(Math.PI * progress)) / 2;
}

/** The learning rate of update `step`, counted from 0. */
export function learningRate(schedule: Schedule, step: number): number {
  const { type, peak, steps, warmupStartRatio = 0, minimumRatio = 0.1 } = schedule;
  const warmupSteps = type === "constant" ? 0 : (schedule.warmupSteps ?? 0);
  if (step < warmupSteps) return peak * (warmupStartRatio + (1 - warmupStartRatio) * (step / warmupSteps));
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
  const decay: (progress: number, minimum: number) => number = decays[type];
  return peak * decay(progress, minimumRatio);
}
