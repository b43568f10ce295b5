import { BackendError } from "@alignkit/core";
import { encodeModel } from "./model-proto.js";
import { NameList, type OrtApi } from "./ort-api.js";

/**
 * Runs `y = x + x` once, in place, to see that the table of functions is the one that is expected.
 * @throws {BackendError} when the result is wrong
 */
export async function selfCheck(api: OrtApi): Promise<void> {
  const model = encodeModel({
    nodes: [{ op: "Add", inputs: ["x", "x"], outputs: ["y"] }],
    inputs: [{ name: "x", type: "float32", shape: [3] }],
    outputs: [{ name: "y", type: "float32", shape: [3] }],
    initializers: [],
  });
  const session = await api.createSession(model, { threads: 1 });
  const x = new Float32Array([1, 2, 3]);
  const y = new Float32Array(3);
  const inputs = [api.createTensor(x, "float32", [3])];
  const outputs = [api.createTensor(y, "float32", [3])];
  api.runSync(session, {
    inputNames: new NameList(["x"]),
    inputs,
    outputNames: new NameList(["y"]),
    outputs,
  });
  for (const value of [...inputs, ...outputs]) api.releaseTensor(value);
  api.releaseSession(session);
  if (y.join() !== "2,4,6") {
    throw new BackendError(
      `ONNX Runtime ${api.version} gave ${y.join()} for 2 x [1,2,3]; reinstall onnxruntime-node`,
    );
  }
}
