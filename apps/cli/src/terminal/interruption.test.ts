import { expect, it } from "vitest";
import { testTerminal } from "../testing/terminal.js";
import { withInterruption } from "./interruption.js";

it("stops work at the first Ctrl-C and ends the process at the second", async () => {
  const terminal = testTerminal({ workingDirectory: "/" });
  let announced = 0;
  const fired = await withInterruption(
    terminal,
    () => announced++,
    async (signal) => {
      terminal.interrupt();
      expect(terminal.exits).toEqual([]);
      terminal.interrupt();
      return signal.aborted;
    },
  );
  expect([fired, announced, terminal.exits]).toEqual([true, 1, [130]]);
  // The work is over: Ctrl-C is the system's again.
  terminal.interrupt();
  expect(terminal.exits).toEqual([130]);
});
