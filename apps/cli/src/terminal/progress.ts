import { type Clock, createRateEstimator, type Progress, type RateEstimate } from "@alignkit/core";
import { formatDuration, formatRate } from "./format.js";
import type { Screen } from "./screen.js";

interface Task {
  readonly label: string;
  readonly unit: string;
  estimate: RateEstimate;
  note: string;
}

/** Milliseconds between two drawings of the bar, and between two plain lines. */
const barInterval = 100;
const lineInterval = 10_000;

/**
 * A bar with rate and time left on a terminal; elsewhere a plain line now and then, and one at each end.
 *
 * Of work within work, the outer is shown first: `ppo 3/100 updates | rollout 12/64 rows`.
 */
export function createTerminalProgress(screen: Screen, now: Clock): Progress {
  const tasks: Task[] = [];
  let drawn = Number.NEGATIVE_INFINITY;
  const draw = () => {
    drawn = now();
    screen.status(tasks.length === 0 ? "" : barOf(tasks, screen.width()));
  };
  return {
    start(total, unit, label, initial = 0) {
      const estimator = createRateEstimator({ total, initial, now });
      const task: Task = { label, unit, estimate: estimator.estimate(), note: "" };
      const isOutermost = tasks.length === 0;
      tasks.push(task);
      let printed = now();
      if (screen.isLive) draw();
      return {
        advance(count, note = task.note) {
          task.estimate = estimator.advance(count);
          task.note = note;
          if (screen.isLive) {
            if (now() - drawn >= barInterval) draw();
          } else if (now() - printed >= lineInterval) {
            printed = now();
            screen.line(lineOf(task));
          }
        },
        done() {
          const index = tasks.indexOf(task);
          if (index < 0) return;
          tasks.splice(index, 1);
          if (screen.isLive) draw();
          if (isOutermost)
            screen.line(lineOf({ ...task, estimate: { ...task.estimate, remaining: undefined } }));
        },
      };
    },
  };
}

/** `sft: 120/400 steps, 3.2 steps/s, 1 min 28 s left, loss 2.31` */
function lineOf({ label, unit, estimate, note }: Task): string {
  const parts = [`${estimate.completed}/${estimate.total} ${unit}`];
  if (estimate.rate !== undefined) parts.push(`${formatRate(estimate.rate)} ${unit}/s`);
  if (estimate.remaining !== undefined) parts.push(`${formatDuration(estimate.remaining)} left`);
  if (note !== "") parts.push(note);
  return `${label}: ${parts.join(", ")}`;
}

/** One line at most, so that it can be drawn over. */
function barOf(tasks: readonly Task[], columns: number): string {
  const [outer, ...inner] = tasks as [Task, ...Task[]];
  const { completed, total } = outer.estimate;
  const width = 20;
  const filled = total > 0 ? Math.min(width, Math.floor((completed / total) * width)) : 0;
  const bar = `${"█".repeat(filled)}${"░".repeat(width - filled)}`;
  const innermost = inner.map(
    ({ label, unit, estimate }) => `${label} ${estimate.completed}/${estimate.total} ${unit}`,
  );
  const rest = lineOf(outer).slice(outer.label.length + 2);
  return [`${outer.label} ${bar} ${rest}`, ...innermost].join(" | ").slice(0, Math.max(0, columns - 1));
}
