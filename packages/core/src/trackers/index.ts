export { createMlflow, type MlflowOptions } from "./mlflow.js";
export { mlflowFactory, tensorboardFactory, trackers } from "./plugin.js";
export { createTensorBoard, type TensorBoardOptions } from "./tensorboard.js";
