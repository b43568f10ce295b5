import { expect, it } from "vitest";
import { parseTrackers } from "./tracker-option.js";

it("a tracker is a name with options", () => {
  expect(parseTrackers(["tensorboard", "mlflow,uri=http://a:1/?x=y,metric_names=trl"])).toEqual([
    { name: "tensorboard", metricNames: undefined, options: {} },
    { name: "mlflow", metricNames: "trl", options: { uri: "http://a:1/?x=y" } },
  ]);
  expect(parseTrackers(["none"])).toEqual([]);
});

it.each(["tensorboard,directory", ",uri=a", "mlflow,uri="])("%s is not understood", (text) => {
  expect(() => parseTrackers([text])).toThrow("--report-to");
});
