import { describe, expect, it } from "vitest";
import { InterruptedError } from "./errors.js";
import { shouldCheckpoint, stopIfInterrupted } from "./interruption.js";

describe("stopIfInterrupted", () => {
  it("does nothing until the signal fires, then saves and throws", async () => {
    const controller = new AbortController();
    const saved: number[] = [];
    const save = async () => void saved.push(3);
    await stopIfInterrupted(controller.signal, 2, save);
    expect(saved).toEqual([]);
    controller.abort(new Error("SIGINT"));
    const stopped = stopIfInterrupted(controller.signal, 3, save);
    await expect(stopped).rejects.toThrow(InterruptedError);
    await expect(stopped).rejects.toMatchObject({ details: { step: 3 }, cause: new Error("SIGINT") });
    expect(saved).toEqual([3]);
  });
});

describe("shouldCheckpoint", () => {
  it("is due every so many steps, never for 0", () => {
    const due = (every: number) => [1, 2, 3, 4, 5, 6].filter((step) => shouldCheckpoint(step, every));
    expect(due(3)).toEqual([3, 6]);
    expect(due(1)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(due(0)).toEqual([]);
  });
});
