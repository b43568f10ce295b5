/** TensorBoard and MLflow as a plugin offers them. */
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { ConfigError, definePlugin, type Plugin, type TrackerFactory } from "../index.js";
import { createMlflow } from "./mlflow.js";
import { createTensorBoard } from "./tensorboard.js";

/** @throws {ConfigError} naming every option that is wrong */
function parse<Schema extends z.ZodType>(name: string, schema: Schema, options: unknown): z.output<Schema> {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    ({ path, message }) => `${path.join(".")}${path.length > 0 ? ": " : ""}${message}`,
  );
  throw new ConfigError(`tracker ${name}: ${problems.join("; ")}`, { details: { problems } });
}

const tensorboardOptions = z.strictObject({ directory: z.string().optional() });

/** `--report-to tensorboard` */
export const tensorboardFactory: TrackerFactory = {
  name: "tensorboard",
  description: "event files in <run directory>/tensorboard, a TensorBoard run per stage; directory=<path>",
  async create(options, { runDirectory, wallTime }) {
    const { directory } = parse("tensorboard", tensorboardOptions, options);
    return createTensorBoard({
      directory: directory === undefined ? join(runDirectory, "tensorboard") : resolve(directory),
      wallTime,
    });
  },
};

const mlflowOptions = z.strictObject({
  uri: z.url().optional(),
  experiment: z.string().optional(),
  run_name: z.string().optional(),
});

/** `--report-to mlflow` */
export const mlflowFactory: TrackerFactory = {
  name: "mlflow",
  description:
    "a tracking server; uri=<url> (default: MLFLOW_TRACKING_URI), experiment=<name>, run_name=<name>",
  async create(options, { runDirectory, wallTime, logger, environment }) {
    const {
      uri = environment.MLFLOW_TRACKING_URI,
      experiment,
      run_name,
    } = parse("mlflow", mlflowOptions, options);
    if (uri === undefined || !/^https?:/.test(uri)) {
      throw new ConfigError(
        `tracker mlflow: no server; give mlflow,uri=http://localhost:5000 or set MLFLOW_TRACKING_URI (it is ${uri ?? "not set"})`,
      );
    }
    return createMlflow({
      uri,
      experiment: experiment ?? environment.MLFLOW_EXPERIMENT_NAME ?? "alignkit",
      runName: run_name ?? basename(runDirectory),
      token: environment.MLFLOW_TRACKING_TOKEN,
      runDirectory,
      wallTime,
      logger,
    });
  },
};

/** The plugin that brings TensorBoard and MLflow. */
export const trackers = (): Plugin =>
  definePlugin({ name: "trackers", trackers: [tensorboardFactory, mlflowFactory] });
