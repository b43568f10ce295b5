import {
  compileFunction,
  concat,
  cos,
  createRandom,
  float32,
  gradients,
  type HostTensor,
  type Operation,
  referenceBackend,
  rotary,
  sin,
  sizeOf,
  square,
  sum,
  type Tensor,
} from "@alignkit/core";
import { afterAll, describe, expect, it } from "vitest";
import { createOnnxBackend } from "../backend.js";
import { isWholeRotation } from "./attention.js";

const onnx = await createOnnxBackend({ threads: 1 });
const reference = referenceBackend();
afterAll(() => onnx.dispose());

const random = createRandom(0);
const normal = (...shape: number[]): HostTensor =>
  float32(
    Array.from({ length: sizeOf(shape) }, () => random.normal()),
    shape,
  );

type Inputs = { readonly x: Tensor; readonly first: Tensor; readonly second: Tensor };

/** The rotation and its gradient, by angles of the first and of the second half of the columns. */
const turn = ({ x, first, second }: Inputs) => {
  const angles = concat([first, second], 3);
  const turned = rotary(x, cos(angles), sin(angles));
  const [gradient] = gradients(sum(square(sum(turned, 3))), [x]) as [Tensor];
  return { turned, gradient };
};
const sameHalves = ({ x, first }: Omit<Inputs, "second">) => turn({ x, first, second: first });

describe("rotary embedding", () => {
  it.each([
    ["of each row", 3],
    ["that rows share", 1],
  ])("turns by angles %s, and back, as the reference does", async (_, batch) => {
    const inputs = { x: normal(3, 2, 5, 6), first: normal(batch, 1, 5, 3) };
    const given = await compileFunction(onnx, sameHalves)(inputs);
    const expected = await compileFunction(reference, sameHalves)(inputs);
    for (const name of ["turned", "gradient"] as const) {
      const [own, right] = [(await given[name].read()).data, (await expected[name].read()).data];
      for (const [index, value] of own.entries()) expect(value).toBeCloseTo(right[index] as number, 5);
    }
  });

  it("is taken whole where the halves have the same angles, and is right where they have not", async () => {
    const inputs = { x: normal(3, 2, 5, 6), first: normal(3, 1, 5, 3), second: normal(3, 1, 5, 3) };
    const seen: boolean[] = [];
    const look = (values: Inputs) => {
      const { turned } = turn(values);
      seen.push(isWholeRotation(turned.operation as Operation));
      return { turned };
    };
    const given = await compileFunction(onnx, look)(inputs);
    const expected = await compileFunction(reference, look)(inputs);
    const right = (await expected.turned.read()).data;
    for (const [index, value] of (await given.turned.read()).data.entries()) {
      expect(value).toBeCloseTo(right[index] as number, 5);
    }
    await compileFunction(onnx, ({ x, first }: Omit<Inputs, "second">) => {
      const { turned } = sameHalves({ x, first });
      seen.push(isWholeRotation(turned.operation as Operation));
      return { turned };
    })({ x: inputs.x, first: inputs.first });
    expect(seen).toEqual([false, false, true]);
  });
});
