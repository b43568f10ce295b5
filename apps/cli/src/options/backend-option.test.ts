import { expect, it } from "vitest";
import { parseBackend } from "./backend-option.js";

it("reads a name, a provider and options", () => {
  expect(parseBackend("onnx")).toEqual({ name: "onnx", options: {} });
  expect(parseBackend("onnx:cuda")).toEqual({ name: "onnx", options: { provider: "cuda" } });
  expect(parseBackend("onnx:cpu,threads=2,profilePrefix=p")).toEqual({
    name: "onnx",
    options: { provider: "cpu", threads: 2, profilePrefix: "p" },
  });
});

it.each(["", "onnx:", ":cuda", "onnx:cpu:2", "onnx,threads", "onnx,threads=1=2"])("refuses %j", (text) => {
  expect(() => parseBackend(text)).toThrow(/is not understood; write onnx, onnx:cuda or onnx,threads=4/);
});
