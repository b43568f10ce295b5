/** The trackers of a run, as `--report-to` names them. */
import {
  type MetricsSink,
  type Registry,
  renameMetrics,
  type TrackerContext,
  type WiredPipeline,
} from "@alignkit/core";
import { suggestion } from "../options/nearest-name.js";
import type { TrackerChoice } from "../options/tracker-option.js";
import { UsageError } from "../usage-error.js";

type MakeTrackers = (wired: WiredPipeline, context: TrackerContext) => Promise<readonly MetricsSink[]>;

/**
 * Looks the names up, before a backend is made.
 * @throws {UsageError} when a tracker or a library of metric names is unknown
 */
export function checkTrackers(registry: Registry, choices: readonly TrackerChoice[]): MakeTrackers {
  const libraries = [...registry.stages.values()].flatMap(({ metricNames = {} }) => Object.keys(metricNames));
  for (const { name, metricNames } of choices) {
    if (!registry.trackers.has(name)) {
      throw new UsageError(
        `--report-to ${name}: the tracker is unknown${suggestion(name, [...registry.trackers.keys()])}`,
      );
    }
    if (metricNames !== undefined && !libraries.includes(metricNames)) {
      throw new UsageError(
        `--report-to ${name},metric_names=${metricNames}: no stage knows such names${suggestion(metricNames, libraries)}`,
      );
    }
  }
  return async (wired, context) => {
    const sinks: MetricsSink[] = [];
    for (const { name, metricNames, options } of choices) {
      const sink = await registry.tracker(name).create(options, context);
      sinks.push(metricNames === undefined ? sink : renameMetrics(sink, namesOf(wired, metricNames)));
    }
    return sinks;
  };
}

/** What the library calls a metric of a stage; its own name where the library has none. */
function namesOf(wired: WiredPipeline, library: string): (stage: string, metric: string) => string {
  const names = new Map(
    wired.stages.map(({ name, definition }) => [name, definition.metricNames?.[library] ?? {}]),
  );
  return (stage, metric) => {
    const known = names.get(stage) ?? {};
    return Object.hasOwn(known, metric) ? (known[metric] as string) : metric;
  };
}
