import { UsageError } from "../usage-error.js";

/** A tracker and the options for its factory. */
export interface TrackerChoice {
  readonly name: string;
  /** Whose names the metrics get; their own unless given. */
  readonly metricNames: string | undefined;
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * `tensorboard`, `tensorboard,metric_names=trl`, `mlflow,uri=http://localhost:5000`; `none` is none.
 * @throws {UsageError} when one is written otherwise
 */
export function parseTrackers(texts: readonly string[]): readonly TrackerChoice[] {
  return texts.filter((text) => text !== "none").map(parseTracker);
}

function parseTracker(text: string): TrackerChoice {
  const [name = "", ...settings] = text.split(",");
  const options: Record<string, string> = {};
  for (const setting of settings) {
    const [, key, value] = /^([^=]+)=(.+)$/s.exec(setting) ?? [];
    if (key === undefined || value === undefined) {
      throw new UsageError(
        `--report-to ${text}: "${setting}" is not understood; write mlflow,uri=http://localhost:5000`,
      );
    }
    options[key] = value;
  }
  if (name === "") throw new UsageError("--report-to: give a name, such as tensorboard");
  const { metric_names: metricNames, ...others } = options;
  return { name, metricNames, options: others };
}
