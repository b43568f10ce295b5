import { afterAll, beforeAll, expect, it } from "vitest";
import { findLibrary } from "./library.js";
import { encodeModel } from "./model-proto.js";
import { type Handle, loadOrtApi, NameList, type OrtApi, type RunArguments } from "./ort-api.js";
import { createSessionRunner } from "./session-runner.js";

let api: OrtApi;
let session: Handle;
let values: RunArguments;
const [x, y] = [new Float32Array([1, 2]), new Float32Array(2)];

beforeAll(async () => {
  api = loadOrtApi(findLibrary());
  const model = encodeModel({
    nodes: [{ op: "Add", inputs: ["x", "x"], outputs: ["y"] }],
    inputs: [{ name: "x", type: "float32", shape: [2] }],
    outputs: [{ name: "y", type: "float32", shape: [2] }],
    initializers: [],
  });
  session = await api.createSession(model, { threads: 1 });
  values = {
    inputNames: new NameList(["x"]),
    inputs: [api.createTensor(x, "float32", [2])],
    outputNames: new NameList(["y"]),
    outputs: [api.createTensor(y, "float32", [2])],
  };
});
afterAll(() => {
  for (const value of [...values.inputs, ...values.outputs]) api.releaseTensor(value);
  api.releaseSession(session);
  api.dispose();
});

it("a run is done on this thread if the one before was short", async () => {
  const places: string[] = [];
  const watched: OrtApi = {
    ...api,
    run(...given) {
      places.push("other");
      return api.run(...given);
    },
    runSync(...given) {
      places.push("this");
      api.runSync(...given);
    },
  };
  const durations = [30, 30, 60, 30, 30];
  // Read before and after each run.
  const times = durations.flatMap((duration) => [0, duration]);
  const run = createSessionRunner(watched, session, () => times.shift() as number);
  for (const _ of durations) {
    y.fill(0);
    await run(values);
    expect([...y]).toEqual([2, 4]);
  }
  expect(places).toEqual(["other", "this", "this", "other", "this"]);
});

it("others have their turn when short runs have taken as long as one may", async () => {
  // 4 ms each: of runs on this thread every third gives a turn.
  let reads = 0;
  const run = createSessionRunner(api, session, () => 4 * Math.ceil(reads++ / 2));
  await run(values);
  let turns = 0;
  const count = (): void => {
    turns++;
    pending = setImmediate(count);
  };
  let pending = setImmediate(count);
  const seen: number[] = [];
  for (let round = 0; round < 6; round++) {
    await run(values);
    seen.push(turns);
  }
  clearImmediate(pending);
  expect(seen).toEqual([0, 0, 1, 1, 1, 2]);
});
